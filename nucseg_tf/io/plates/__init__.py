"""Plates of wells, each with fields of view, as microscopes leave them on disk.

wells     names of wells, and sizes of plates
names     what microscopes call their files
plate     a plate: its fields, and what is missing or odd in them
folder    a plate from a folder of files
zarr_folder  a plate from OME-Zarr
metadata  channel names, pixel size and plate size from what microscopes write beside the images
headers   size of an image without its pixels
open      a plate of any kind
"""
