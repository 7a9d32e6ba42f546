// Declarations that a user of `import FisherTraining` also needs: run records, settings, summaries.
@_exported import FisherStudies
