"""The static figure of one attribution, drawn by matplotlib.

The package is not called `figure`: once imported, it would hide the function of that name.
"""
