/// A folder that a start takes before its data are read, and gives back if they cannot be used: a mistake in the arguments or
/// the data leaves nothing behind.
package struct FolderClaim {
    private let path: String
    /// The folder and those above it that were not there, the folder itself first.
    private let missing: [String]

    /// Remembers which folders a start is about to make; throws `StorageError` if that cannot be found out.
    package init(_ path: String) throws(StorageError) {
        self.path = path
        var missing: [String] = []
        var folder = path
        while try DurableStorage.kind(of: folder, followingLinks: true) == nil {
            missing.append(folder)
            let parent = DurableStorage.folder(of: folder)
            if parent == folder { break }
            folder = parent
        }
        self.missing = missing
    }

    /// Removes the folders that were made, if there is nothing in them but these files. The error for which this is done says
    /// more than one of the removal would.
    package func withdraw(leaving files: Set<String> = ["config.toml", "lock"]) {
        guard missing.first == path, let names = try? DurableStorage.names(inFolder: path),
            Set(names).isSubset(of: files), (try? DurableStorage.removeFolder(path)) != nil
        else { return }
        for folder in missing.dropFirst() {
            guard let names = try? DurableStorage.names(inFolder: folder), names.isEmpty else { return }
            try? DurableStorage.removeFolder(folder)
        }
    }
}
