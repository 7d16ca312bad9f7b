rule predict:
    input:
        fields=rules.fields.output,
        model=rules.train.output,
    output:
        directory(f"{R}/predictions/{{split}}/{plan.RUN}"),
    log:
        f"{R}/logs/predict/{{split}}/{plan.RUN}.log",
    benchmark:
        f"{R}/timings/predict/{{split}}/{plan.RUN}.tsv"
    params:
        images=lambda w: f"{R}/data/{w.split}/images",
        reading=INVERT,
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=DESIGN["gpus"],
        device=DEVICE,
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} nucseg predict {params.images:q} --model {input.model:q}"
        " --device {resources.device} --out {output:q} {params.reading} > {log:q} 2>&1"


rule predict_baseline:
    input:
        fields=rules.fields.output,
        model=lambda w: made_of(DESIGN["baselines"][w.baseline]),
    output:
        directory(f"{R}/predictions/{{split}}/baselines/{{baseline}}"),
    log:
        f"{R}/logs/predict_baseline/{{split}}/{{baseline}}.log",
    benchmark:
        f"{R}/timings/predict_baseline/{{split}}/{{baseline}}.tsv"
    params:
        images=lambda w: f"{R}/data/{w.split}/images",
        reading=INVERT,
        model=lambda w: DESIGN["baselines"][w.baseline],
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
        gpu=DESIGN["gpus"],
        device=DEVICE,
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} nucseg predict {params.images:q} --model {params.model:q}"
        " --device {resources.device} --out {output:q} {params.reading} > {log:q} 2>&1"


rule evaluate:
    input:
        fields=f"{R}/data/{{split}}_validated.txt",
        predictions=f"{R}/predictions/{{split}}/{{method}}",
    output:
        f"{R}/scores/{{split}}/{{method}}/scores.json",
    log:
        f"{R}/logs/evaluate/{{split}}/{{method}}.log",
    benchmark:
        f"{R}/timings/evaluate/{{split}}/{{method}}.tsv"
    wildcard_constraints:
        method=".+",
    params:
        truth=lambda w: f"{R}/data/{w.split}/masks",
        reading=SPLIT,
        out=lambda w, output: str(Path(output[0]).parent),
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "nucseg evaluate {params.truth:q} {input.predictions:q} --out {params.out:q}"
        " {params.reading} > {log:q} 2>&1"


rule benchmark:
    input:
        fields=lambda w: f"{R}/data/{DESIGN['experiments'][w.experiment]['split']}.csv",
        predictions=lambda w: of_rows(w, "{R}/predictions/{split}/{path}"),
        scores=lambda w: of_rows(w, "{R}/scores/{split}/{path}/scores.json"),
    output:
        page=report(
            f"{R}/benchmarks/{{experiment}}/report.html",
            category="Benchmarks",
            labels=lambda w: {
                "experiment": w.experiment,
                "title": DESIGN["experiments"][w.experiment]["title"],
            },
        ),
        json=f"{R}/benchmarks/{{experiment}}/benchmark.json",
        summary=report(
            f"{R}/benchmarks/{{experiment}}/summary.csv",
            category="Tables",
            labels=lambda w: {
                "experiment": w.experiment,
                "title": DESIGN["experiments"][w.experiment]["title"],
            },
        ),
    log:
        f"{R}/logs/benchmark/{{experiment}}.log",
    benchmark:
        f"{R}/timings/benchmark/{{experiment}}.tsv"
    params:
        labels=label_flags,
        note=NOTE,
        reading=f"{INVERT} {SPLIT}",
        out=lambda w, output: str(Path(output.page).parent),
    resources:
        mem_mb=8000,
        runtime=240,
    shell:
        "nucseg benchmark --data {input.fields:q} {params.labels} --out {params.out:q}"
        " --note {params.note:q} {params.reading} > {log:q} 2>&1"


rule compare:
    input:
        rules.benchmark.output.json,
    output:
        report(
            f"{R}/tables/{{experiment}}/compare.md",
            category="Beside the published values",
            labels=lambda w: {"experiment": w.experiment},
        ),
    log:
        f"{R}/logs/compare/{{experiment}}.log",
    params:
        table=lambda w: DESIGN["experiments"][w.experiment]["table"],
        benchmark=lambda w, input: str(Path(input[0]).parent),
        out=lambda w, output: str(Path(output[0]).parent),
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "nucseg compare {params.benchmark:q} --table {params.table} --out {params.out:q} > {log:q} 2>&1"


localrules:
    runs,


rule runs:
    input:
        [
            f"{R}/scores/{DESIGN['experiments'][name]['split']}/{path}/scores.json"
            for name in EXPERIMENTS
            for _, paths in plan.entries(DESIGN, name)
            for path in paths
        ],
    output:
        report(f"{R}/runs.csv", category="Runs"),
    log:
        f"{R}/logs/runs.log",
    container:
        None
    run:
        table.write_runs(output[0], DESIGN, R, log[0])
