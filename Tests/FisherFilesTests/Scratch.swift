import Foundation
import Testing

/// A folder of a test, removed with it.
final class Scratch {
    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/fisher-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The path of a name in the folder.
    func path(_ name: String) -> String { folder + "/" + name }

    /// Makes a file; returns its path.
    @discardableResult
    func file(_ name: String, _ text: String = "") throws -> String {
        try Data(text.utf8).write(to: URL(filePath: path(name)))
        return path(name)
    }

    /// The names in the folder, sorted.
    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
    }
}

/// What can be at a path in place of a regular file.
enum Obstacle: String, CaseIterable {
    case pipe, folder, link, danglingLink, zero, null

    /// Makes it in a folder, or finds it in the system; returns its path.
    func make(in scratch: Scratch) throws -> String {
        let path = scratch.path(rawValue)
        switch self {
        case .pipe: try #require(mkfifo(path, 0o600) == 0)
        case .folder: try #require(mkdir(path, 0o700) == 0)
        case .link: try #require(symlink(scratch.file("victim", "precious"), path) == 0)
        case .danglingLink: try #require(symlink("nowhere", path) == 0)
        case .zero: return try Self.device(5, at: path) ? path : "/dev/zero"
        case .null: return try Self.device(3, at: path) ? path : "/dev/null"
        }
        return path
    }

    /// Makes a device of memory, as the superuser may: a test that fails must not replace those of the system.
    private static func device(_ number: dev_t, at path: String) throws -> Bool {
        #if os(Linux)
            return mknod(path, S_IFCHR | 0o666, 1 << 8 | number) == 0
        #else
            return false
        #endif
    }

    /// What an error says of it.
    var words: String {
        switch self {
        case .pipe, .zero, .null: "is not a regular file"
        case .folder: "is a folder"
        case .link, .danglingLink:
            "is a symbolic link, which is not followed: give the path of the file itself"
        }
    }
}
