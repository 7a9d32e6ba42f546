import ArgumentParser
import FisherTraining

/// What people call a run or a study.
struct MarkArguments: ParsableArguments {
    @Option(help: "A name for fisher runs.")
    var name: String?
    @Option(help: "The title of the page.")
    var title: String?
    @Option(help: "A remark for fisher runs.")
    var note: String?
    @Option(
        name: .customLong("tag"), parsing: .singleValue,
        help: "A word to find it by: fisher runs --filter tag=WORD; repeatable.")
    var tags: [String] = []

    func validate() throws {
        for (flag, text) in [("name", name), ("title", title), ("note", note)] {
            guard text?.utf8.count ?? 0 <= 4096 else {
                throw ValidationError("--\(flag) is longer than 4096 bytes.")
            }
        }
        if let wrong = tags.first(where: { $0.isEmpty || $0.utf8.count > 256 || $0.contains(" ") }) {
            throw ValidationError("--tag '\(wrong)' is not one word of at most 256 bytes.")
        }
    }

    /// The marks that were given.
    var given: RunMarks {
        var marks = RunMarks()
        (marks.name, marks.title, marks.note) = (name, title, note)
        marks.take(
            {
                var own = RunMarks(); own.tags = tags; return own
            }())
        return marks
    }

    /// Adds what was given to the marks of a folder; returns all that it has then.
    @discardableResult
    func apply(to folder: String) throws -> RunMarks {
        var marks = try RunMarks(in: folder)
        let before = marks
        marks.take(given)
        if marks != before { try marks.write(to: folder) }
        return marks
    }
}
