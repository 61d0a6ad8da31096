"""What a row means: record types, Arrow schemas, settings, closed sets of codes, and the error tree.

Everything else in Salon imports from here, and this folder imports nothing of Salon.
Only the standard library, pyarrow and pydantic are used.
"""
