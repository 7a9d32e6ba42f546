// What a user of `import FisherTraining` needs besides: run records, settings, summaries.
@_exported import FisherStudies
