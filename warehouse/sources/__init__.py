"""Where photos come from, behind one protocol: a source lists entries, and an entry's address can be read.

Listing happens in one process, reading in many: addresses are small, plain and picklable.
"""
