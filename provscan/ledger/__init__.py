"""What applications accessed, what they store and what they use it for, against the
rules of the day.
"""
