import ArgumentParser
import FisherTraining

/// `fisher runs mark`.
struct RunsMark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mark",
        abstract: "Name runs and studies, note something about them, and tag them.",
        discussion: """
            Marks are in marks.json of the folder; nothing else there changes, and they may be set while a run is at work. \
            train, compare, ablate, continual, hierarchy and landscape take the same flags when they begin. Without a flag \
            the marks are shown. An empty --name, --title or --note removes it.

            fisher runs mark runs/first --name baseline --tag paper
            fisher runs --filter tag=paper
            """)

    @Argument(help: "The folders of runs or studies.")
    var folders: [String]
    @OptionGroup(title: "Names") var marks: MarkArguments
    @Option(name: .customLong("untag"), parsing: .singleValue, help: "A tag to remove; repeatable.")
    var untags: [String] = []

    func run() throws {
        for folder in folders {
            guard let found = try DurableStorage.names(inFolder: folder) else {
                throw StorageError(.notFound, path: folder, reason: "is not there")
            }
            let names = Set(found)
            guard !names.isDisjoint(with: ["run.json", "study.json", "results.json", "config.toml"]) else {
                throw StorageError(.notFound, path: folder, reason: "holds neither a run nor a study")
            }
        }
        for folder in folders {
            var found = try RunMarks(in: folder)
            let before = found
            found.take(marks.given)
            found.tags.removeAll { untags.contains($0) }
            if found.name?.isEmpty == true { found.name = nil }
            if found.title?.isEmpty == true { found.title = nil }
            if found.note?.isEmpty == true { found.note = nil }
            if found != before { try found.write(to: folder) }
            let parts = [
                found.name.map { "name \($0)" }, found.title.map { "title \($0)" },
                found.tags.isEmpty ? nil : "tags \(found.tags.joined(separator: " "))",
                found.note.map { "note \($0)" },
            ].compactMap(\.self)
            say("\(folder): \(parts.isEmpty ? "no marks" : parts.joined(separator: "; "))".printable)
        }
    }
}
