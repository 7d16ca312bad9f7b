"""An image's way, a file for each of its stages:

    file -> read -> scale -> network -> decode -> measure -> write -> row of run.json
           Image   Scaled   Predicted  Found     Measured   Written

A stage is called with one value and gives the next; `values` says what each holds. `runner` calls
them one after another. What the stages keep to, so that another runner can let them overlap, or
send a large field along in pieces:

- A value holds all that later stages need, and a stage keeps nothing of it: values of different
  images may be in different stages at once, in queues of any length.
- What takes memory is handed on only where it is needed: the scaled image ends at the network, its
  output at the decoder. So the length of a queue bounds the memory.
- Only `network` holds the network, and `decode` needs none: they may run in different threads, or
  decoding in several processes.
- Only `scale` looks at the field as a whole, for its limits of intensity (`imaging.normalise`) and
  the size of its nuclei. Pixels are read, stretched and resized tile by tile where the network asks
  for them, maps and labels decoded, measured and written block by block: none holds a large field.
- Errors are exceptions; the runner notes them for the image that it was busy with, whose other
  values it then drops.
- The order of images is the runner's care: `write` is called in the order of the input.
"""
