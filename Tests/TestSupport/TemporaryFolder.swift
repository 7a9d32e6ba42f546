import Foundation

/// A folder for one test, which is removed after it.
public enum TemporaryFolder {
    /// Runs a body with the path of a new folder.
    public static func with<Result>(_ body: (String) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "fisher-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path)
    }
}
