// `StorageError`, which every reader of a study or a run needs.
@_exported import FisherFiles
