"""Methods that EAGLE is compared with, each in a file of its own.

A map of pixels becomes an order, the order a trace: from there on every method has the same
metrics, files and pictures, and is judged by the same scores of masked images.
"""
