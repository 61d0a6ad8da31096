"""From the bytes of a file to upright sRGB pixels, once, at the smallest scale that still serves.

Everything that Salon measures, shows to models and compares comes from what `decode` returns. Bytes that are
no photo end in `NotAPhoto` with a code; whatever a decoder raises is turned into one.
"""
