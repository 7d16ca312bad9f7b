"""A plugin for napari: `napari.yaml` says what there is, docs/napari.md how it is used.

form     the widget: what to segment and how
words    options by the names of its fields
closing  hears that it is closed
job      one segmentation in a thread: progress, stop, messages
models   the model that stays loaded
images   layers as images with named axes
places   where in the world labels lie
results  a Labels layer with features
colours  labels in the colours of a measurement
folder   what `nucseg predict` left in a folder
reading, writing, samples    results of `nucseg predict`, label images, simulated images
"""
