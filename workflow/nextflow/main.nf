// Nuclei of the images of a sample sheet: nextflow run main.nf --input samples.csv --outdir results
// samples.csv has a row a sample, `sample,images,channel`; images may be a file, a folder or a glob.

include { NUCSEG_PREDICT } from './modules/nucseg/predict/main'

workflow {
    samples = channel.fromPath(params.input, checkIfExists: true)
        .splitCsv(header: true)
        .map { row ->
            [[id: row.sample, channel: row.channel], files(row.images, type: 'any', checkIfExists: true)]
        }
    model = params.model ? file(params.model, type: 'dir', checkIfExists: true) : []
    NUCSEG_PREDICT(samples, model)
}
