"""What a run over the fields of a plate found, for those who look at it: aggregates and a report.

results    a folder of results of `nucseg predict`
aggregate  objects.csv, of any size, to numbers of each field and to histograms
wells      numbers of fields to those of wells
pictures   which picture is of which field
content    all that as JSON
report     one page that shows it
"""
