import Foundation

extension RunDirectory {
    /// The runs in a folder and the folders below it, by path; the folder itself included if it is one.
    ///
    /// Symbolic links below the folder are not followed, so that no run is found twice.
    ///
    /// - Parameters:
    ///   - folder: where to search; it may be a link itself.
    ///   - includesTrials: whether the trials of a study's tuning count, which are on other data than its runs.
    /// - Throws: `StorageError` of kind `notFound` if there is no such folder, and others if it or one below it cannot be
    ///   listed.
    public static func runs(
        under folder: String, includesTrials: Bool = true
    ) throws(StorageError) -> [RunDirectory] {
        let own = RunDirectory(path: folder)
        guard let names = try DurableStorage.names(inFolder: own.path) else {
            throw StorageError(.notFound, path: folder, reason: "is not there")
        }
        if names.contains("run.json") { return [own] }
        let isStudy = names.contains("results.json")
        var found: [RunDirectory] = []
        for name in names.sorted() where !name.hasPrefix(".") {
            let path = own.path + "/" + name
            guard try DurableStorage.kind(of: path, followingLinks: false) == .folder else { continue }
            if isStudy, name == "tuning", !includesTrials { continue }
            found += try runs(under: path, includesTrials: includesTrials)
        }
        return found
    }

    /// Throws `StorageError` of kind `damaged` if two of some runs are in one folder, by whatever paths.
    public static func requireDistinct(_ runs: [RunDirectory]) throws(StorageError) {
        struct Place: Hashable {
            let device, file: UInt64
        }
        var found: [Place: RunDirectory] = [:]
        for run in runs {
            var status = stat()
            guard stat(run.path, &status) == 0 else { throw .system("cannot be opened", path: run.path) }
            let place = Place(device: UInt64(status.st_dev), file: UInt64(status.st_ino))
            if let earlier = found.updateValue(run, forKey: place) {
                throw StorageError(
                    .damaged, path: run.path,
                    reason: "and \(earlier.path) are the same run twice: name it once")
            }
        }
    }
}
