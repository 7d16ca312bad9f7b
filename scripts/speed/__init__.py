"""Speed and memory of nucseg_tf and of other tools, side by side, for `scripts/bench.py`.

process   a command as a process of its own: wall clock, time of the processor, peak memory
turns     rounds in which the tools take turns, and what is said of their figures
machine   what the figures were measured on, and how busy it was with other things
fields    folders of images to measure on
tools     the commands of nucseg_tf and of the other tools
parts     what is measured
worker    nucseg_tf by stage, in a process of its own
limit     what the machine's matrix products allow
tables    the figures as tables
page      all tables, with what they were measured on, between two marks of a page
figure    the figures as one picture
rivals/   scripts that run in the environments of other tools, and import nothing of this one

Times come in pairs: `wall_s`, and `cpu_s`, which adds up all threads and child processes and which
a busy machine changes less.
"""
