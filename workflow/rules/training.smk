rule roi_store:
    input:
        fields=rules.training_set.output,
        settings=lambda w: made_of(DESIGN["store"]["config"], policy_of(w.policy)),
    output:
        f"{R}/stores/{{set}}/{{policy}}/{{size}}.h5",
    log:
        f"{R}/logs/roi_store/{{set}}/{{policy}}/{{size}}.log",
    benchmark:
        f"{R}/timings/roi_store/{{set}}/{{policy}}/{{size}}.tsv"
    params:
        config=DESIGN["store"]["config"],
        rois=lambda w: plan.rois(DESIGN, w.size),
        settings=lambda w: settings(DESIGN["set"], [f"augment={policy_of(w.policy)}"]),
        reading=f"{INVERT} {SPLIT}",
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} nucseg augment {params.config:q} --out {output:q}"
        " --data {input.fields:q} --rois {params.rois} {params.settings} {params.reading}"
        " > {log:q} 2>&1"


rule train:
    input:
        fields=rules.training_set.output,
        store=rules.roi_store.output,
        settings=lambda w: made_of(
            DESIGN["models"][w.model]["config"], DESIGN["models"][w.model]["inits"][w.init]
        ),
    output:
        directory(f"{R}/runs/{plan.RUN}/model"),
    log:
        f"{R}/logs/train/{plan.RUN}.log",
    benchmark:
        f"{R}/timings/train/{plan.RUN}.tsv"
    params:
        config=lambda w: DESIGN["models"][w.model]["config"],
        init=lambda w: DESIGN["models"][w.model]["inits"][w.init],
        settings=training_settings,
        reading=f"{INVERT} {SPLIT}",
        run=lambda w, output: str(Path(output[0]).parent),
    threads: 4
    resources:
        mem_mb=16000,
        runtime=lambda w: DESIGN["models"][w.model]["runtime"],
        gpu=DESIGN["gpus"],
        device=DEVICE,
        devices=max(1, DESIGN["gpus"]),
    shell:
        "TF_NUM_INTRAOP_THREADS={threads} nucseg train {params.config:q} --data {input.fields:q}"
        " --store {input.store:q} --init {params.init:q} --out {params.run:q} --requeue"
        " --device {resources.device} --set training.devices={resources.devices} {params.settings}"
        " {params.reading} >> {log:q} 2>&1"
