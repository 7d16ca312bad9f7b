process NUCSEG_PREDICT {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container "${task.ext.container ?: 'nucseg-tf:cpu'}"

    input:
    tuple val(meta), path(images, stageAs: 'images/*')
    path model

    output:
    tuple val(meta), path("${prefix}/*_labels.tif"), emit: labels
    tuple val(meta), path("${prefix}/objects.csv") , emit: objects
    tuple val(meta), path("${prefix}/fields.csv")  , emit: fields
    tuple val(meta), path("${prefix}/run.json")    , emit: run
    path "versions.yml"                            , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def channel = meta.channel ? "--channel '${meta.channel}'" : ''
    def network = model ? "--model ${model}" : ''
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    nucseg predict images/* \\
        --out '${prefix}' \\
        --labels tif \\
        --workers ${task.cpus} \\
        ${channel} ${network} ${args}

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        nucseg_tf: \$(nucseg --version | sed 's/^[^0-9]*//')
    END_VERSIONS
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    """
    mkdir '${prefix}'
    cd '${prefix}' && touch '${meta.id}_labels.tif' objects.csv fields.csv run.json && cd ..

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        nucseg_tf: \$(nucseg --version | sed 's/^[^0-9]*//')
    END_VERSIONS
    """
}
