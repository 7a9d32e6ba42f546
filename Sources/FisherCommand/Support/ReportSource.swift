import FisherReports
import FisherTasks
import FisherTraining
import Foundation

/// What `fisher report` and `fisher watch` show of folders.
enum ReportSource {
    /// The study in a folder, or the runs of several joined into a comparison.
    static func study(of folders: [String]) throws -> any ReportedStudy {
        if folders.count == 1, let folder = folders.first {
            let files = StudyFiles(folder: folder)
            if files.hasResult {
                if let study = try files.readResult() as? any ReportedStudy { return study }
                throw UsageError(description: "\(files.json) is of a study that has no page")
            }
        }
        var runs: [RunTable.Run] = []
        for folder in folders {
            let found = try RunDirectory.runs(under: folder, includesTrials: false)
            guard !found.isEmpty else { throw StorageError(.notFound, path: folder, reason: "holds no run") }
            for directory in found { runs.append((directory, try directory.document())) }
        }
        return try OptimizerComparison(runs)
    }
}
