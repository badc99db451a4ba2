"""
One file per library, named after it, imported only by who uses it.
"""
