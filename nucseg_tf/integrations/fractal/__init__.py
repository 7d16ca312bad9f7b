"""A task package for Fractal: `__FRACTAL_MANIFEST__.json`, beside the package's own `__init__.py`.

task_list    what the manifest is made from
find_nuclei  the task: a program that Fractal's server starts, once an image
"""
