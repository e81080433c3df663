"""Layers that make arrays of images, text and sounds ready for a model, and layers that change them by chance."""
