import FisherStudies
import Foundation

/// `config.toml` of a run: the configuration, and in its last line a check of the bytes before it, so that an edit is noticed
/// without a second file.
///
///     [training]
///     steps = 1000
///     # check 1a2b3c4d
enum SealedConfiguration {
    private static let mark = "# check "

    /// A configuration with its check.
    static func sealed(_ toml: String) -> Data {
        let body = toml.isEmpty || toml.hasSuffix("\n") ? toml : toml + "\n"
        return Data((body + mark + CRC32C.of(body.utf8).hexadecimal + "\n").utf8)
    }

    /// Whether every byte is as it was written; nil without a check.
    static func isAsWritten(_ file: Data) -> Bool? {
        let text = String(decoding: file, as: UTF8.self)
        guard let line = text.split(separator: "\n").last, line.hasPrefix(mark),
            let begin = text.range(of: mark, options: .backwards)?.lowerBound
        else { return nil }
        return sealed(String(text[..<begin])) == file
    }
}

extension RunDirectory {
    /// Writes the resolved configuration.
    package func writeConfiguration(_ toml: String) throws(StorageError) {
        try DurableStorage.replaceFile(at: configurationFile, with: SealedConfiguration.sealed(toml))
    }

    /// Whether the run's configuration is there.
    ///
    /// - Throws: `StorageError` if it cannot be read, or of kind `damaged` if it is not as the run wrote it, with the values
    ///   that differ as far as `run.json` knows them.
    package func hasConfiguration() throws(StorageError) -> Bool {
        let data: Data
        do throws(StorageError) {
            data = try DurableStorage.readFile(at: configurationFile, followingLinks: false)
        } catch {
            guard error.systemError == ENOENT else { throw error }
            return false
        }
        let isAsWritten = SealedConfiguration.isAsWritten(data)
        if isAsWritten == true { return true }
        let changed = changedValues
        let what =
            isAsWritten == nil
            ? "does not end with the check that the run wrote" : "is not as the run wrote it"
        throw StorageError(
            .damaged, path: configurationFile,
            reason: what + (changed.isEmpty ? "" : " (\(changed.joined(separator: ", ")))")
                + ": undo the edit, or start a new run in another folder with --config")
    }

    /// The command and the task that the first line of the configuration names, `# fisher train digits`; nil if it names none.
    package var configuredWords: (command: String, task: String)? {
        guard let data = try? DurableStorage.readFile(at: configurationFile, followingLinks: false),
            let line = String(decoding: data.prefix(256), as: UTF8.self).split(separator: "\n").first
        else { return nil }
        let words = line.split(separator: " ")
        guard words.count == 4, words[0] == "#", words[1] == "fisher" else { return nil }
        return (String(words[2]), String(words[3]))
    }

    /// Whether the configuration was written here by a run or a study.
    var holdsOwnConfiguration: Bool {
        guard let data = try? DurableStorage.readFile(at: configurationFile, followingLinks: false) else {
            return false
        }
        return SealedConfiguration.isAsWritten(data) != nil
    }

    /// The values of the file that are not those in `run.json`.
    private var changedValues: [String] {
        guard let document = try? document(),
            let layer = try? ConfigurationLayer(tomlFile: configurationFile, followingLinks: false)
        else { return [] }
        return layer.values.compactMap { key, pieces in
            guard pieces.count == 1, let was = document.configurationText(key), was != pieces[0] else {
                return nil
            }
            return "\(key) = \(pieces[0]), was \(was)"
        }
    }
}
