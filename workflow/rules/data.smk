SEEDS = {"train": 1, "val": 2, "test": 3}  # tenths; splits must not share fields


rule simulate:
    output:
        directory(f"{R}/simulated/{{split}}/{{line}}"),
    log:
        f"{R}/logs/simulate/{{split}}/{{line}}.log",
    benchmark:
        f"{R}/timings/simulate/{{split}}/{{line}}.tsv"
    params:
        fields=lambda w: DESIGN["data"]["simulate"]["fields"][w.split],
        seed=lambda w: 10 * DESIGN["data"]["simulate"]["seed"] + SEEDS[w.split],
        size=lambda w: (
            f"--size {DESIGN['data']['simulate']['size']}" if "size" in DESIGN["data"]["simulate"] else ""
        ),
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "nucseg simulate --cell-line {wildcards.line} --out {output:q} --fields {params.fields}"
        " --seed {params.seed} {params.size} > {log:q} 2>&1"


localrules:
    fields,
    training_set,


rule fields:
    input:
        lambda w: fields_of(w.split),
    output:
        f"{R}/data/{{split}}.csv",
    log:
        f"{R}/logs/fields/{{split}}.log",
    params:
        sheet=lambda w: [[str(f.image), f.group] for f in FIELDS if f.split == w.split],
    container:
        None
    run:
        data.write_split(output[0], found_fields(wildcards.split, input), log[0])


rule validate:
    input:
        rules.fields.output,
    output:
        f"{R}/data/{{split}}_validated.txt",
    log:
        f"{R}/logs/validate/{{split}}.log",
    benchmark:
        f"{R}/timings/validate/{{split}}.tsv"
    params:
        reading=f"{INVERT} {SPLIT}",
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "nucseg validate {input:q} {params.reading} > {output:q} 2> {log:q}"
        " || {{ cat {output:q} {log:q}; exit 1; }}"


rule training_set:
    input:
        fields=expand(rules.fields.output, split=["train", "val"]),
        checked=expand(rules.validate.output, split=["train", "val"]),
    output:
        f"{R}/sets/{{set}}.csv",
    log:
        f"{R}/logs/sets/{{set}}.log",
    params:
        groups=lambda w: DESIGN["training_sets"][w.set]["groups"],
        most=lambda w: DESIGN["training_sets"][w.set].get("fields"),
    container:
        None
    run:
        data.write_set(output[0], input.fields, params.groups, params.most, log[0])


rule prelabel:
    input:
        fields=rules.fields.output,
        model=lambda w: made_of(DESIGN["prelabels"][w.method]),
    output:
        directory(f"{R}/predictions/{{split}}/prelabels/{{method}}"),
    log:
        f"{R}/logs/prelabel/{{split}}/{{method}}.log",
    benchmark:
        f"{R}/timings/prelabel/{{split}}/{{method}}.tsv"
    params:
        folder=lambda w: f"{R}/data/{w.split}",
        method=lambda w: DESIGN["prelabels"][w.method],
        reading=INVERT,
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} nucseg prelabel {params.folder:q} --agreement 0"
        " --method {params.method:q} --device cpu --out {output:q} {params.reading} > {log:q} 2>&1"


rule prelabel_unlabelled:
    input:
        fields=f"{R}/data/{data.UNLABELLED}.csv",
        model=lambda w: made_of(*list(DESIGN["prelabels"].values())[:1]),
    output:
        f"{R}/data/{data.UNLABELLED}/prelabels/objects.csv",
    log:
        f"{R}/logs/prelabel_unlabelled.log",
    benchmark:
        f"{R}/timings/prelabel_unlabelled.tsv"
    params:
        folder=lambda w, output: str(Path(output[0]).parents[1]),
        method=next(iter(DESIGN["prelabels"].values()), "fpn2ws-nuclei"),
        reading=INVERT,
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} nucseg prelabel {params.folder:q} --device cpu"
        " --method {params.method:q} {params.reading} > {log:q} 2>&1"
