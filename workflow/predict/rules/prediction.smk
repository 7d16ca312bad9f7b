rule predict:
    input:
        images=lambda w: INPUTS[w.name],
        model=names.files_of(DESIGN["model"], WORKFLOW.parent),
    output:
        table=temp(f"{R}/{{name}}/objects-{{shard}}of{N}.csv"),
        record=temp(f"{R}/{{name}}/run-{{shard}}of{N}.json"),
    log:
        f"{R}/logs/predict/{{name}}/{{shard}}of{N}.log",
    benchmark:
        f"{R}/timings/predict/{{name}}/{{shard}}of{N}.tsv"
    params:
        out=lambda w, output: str(Path(output.table).parent),
        model=DESIGN["model"],
        shard=lambda w: f"{w.shard}/{N}",
        options=plan.flags(DESIGN["options"]),
    threads: 4
    retries: 2  # each goes on with the images that are not done
    resources:
        mem_mb=lambda wildcards, attempt: DESIGN["mem_mb"] * attempt,
        runtime=DESIGN["runtime"],
        gpu=DESIGN["gpus"],
        device=DEVICE,
    shell:  # 3: images failed, which are named in failures.csv
        "TF_NUM_INTRAOP_THREADS={threads} nucseg predict {input.images:q} --out {params.out:q}"
        " --model {params.model:q} --shard {params.shard} --device {resources.device}"
        " --workers {threads} {params.options} >> {log:q} 2>&1 || [ $? -eq 3 ]"


rule merge:
    input:
        tables=expand(rules.predict.output.table, shard=range(1, N + 1), allow_missing=True),
        records=expand(rules.predict.output.record, shard=range(1, N + 1), allow_missing=True),
    output:
        table=f"{R}/{{name}}/{TABLE}",
        record=f"{R}/{{name}}/run.json",
    log:
        f"{R}/logs/merge/{{name}}.log",
    benchmark:
        f"{R}/timings/merge/{{name}}.tsv"
    params:
        out=lambda w, output: str(Path(output.table).parent),
        table=DESIGN["table"],
    resources:
        mem_mb=4000,
        runtime=60,
    shell:  # 3: as of predict
        "nucseg merge {params.out:q} --table {params.table} > {log:q} 2>&1 || [ $? -eq 3 ]"


rule report:
    input:
        rules.merge.output,
    output:
        report(
            f"{R}/{{name}}/report.html", category="Predictions", labels=lambda w: {"input": w.name}
        ),
    log:
        f"{R}/logs/report/{{name}}.log",
    benchmark:
        f"{R}/timings/report/{{name}}.tsv"
    params:
        out=lambda w, output: str(Path(output[0]).parent),
    resources:
        mem_mb=8000,
        runtime=60,
    shell:
        "nucseg report {params.out:q} > {log:q} 2>&1"
