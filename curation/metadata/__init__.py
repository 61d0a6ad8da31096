"""What a file says about itself: EXIF, XMP, IPTC. Hostile or broken blocks cost their own values, never the file."""
