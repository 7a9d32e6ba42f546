import Fisher
import FisherOptions
import FisherStudies
import FisherTasks
import FisherTraining

/// What `fisher explain` says of one topic.
struct Explanation {
    /// What kind of thing it is: a heading in the list of topics.
    let kind: Kind
    /// The name under which it is asked for.
    let name: String
    /// The text, lines with breaks where they belong.
    let text: String

    /// The kinds in the order of the list.
    enum Kind: String, CaseIterable {
        case overview = "Overviews"
        case rule = "Rules"
        case task = "Tasks"
        case likelihood = "Likelihoods"
        case source = "Sources of the information"
        case structure = "Structures of the information"
        case schedule = "Schedules"
        case key = "Keys of configurations"
    }

    /// Whether a word asks for this: its name or, for keys, the last part of it, whatever its case and separators.
    func answers(to word: String) -> Bool {
        let asked = Self.plain(word)
        if Self.plain(name) == asked { return true }
        guard kind == .key, let last = name.split(separator: ".").last else { return false }
        return Self.plain(String(last)) == asked
    }

    private static func plain(_ word: String) -> String {
        var letters = word.lowercased()[...]
        while letters.hasPrefix("-") { letters = letters.dropFirst() }
        return String(letters.map { $0 == "-" ? "_" : $0 })
    }

    /// The explanations of a topic.
    ///
    /// - Throws: `UsageError` with the nearest names if there is none.
    static func all(of word: String) throws(UsageError) -> [Explanation] {
        let all = all
        let found = all.filter { $0.answers(to: word) }
        if !found.isEmpty { return found }
        let lasts = all.filter { $0.kind == .key }.compactMap {
            $0.name.split(separator: ".").last.map(String.init)
        }
        let nearest = nearestName(to: word, among: all.map(\.name) + lasts)
        throw UsageError(
            description: "\(word.isEmpty ? "''" : shortened(word)) is no topic of fisher explain; "
                + (nearest.map { "did you mean \($0)?" } ?? "fisher explain lists all"))
    }

    /// Every explanation.
    static var all: [Explanation] {
        overviews + RuleRegistry.rules.map { rule($0) } + TaskRegistry.tasks.map { task($0) } + likelihoods
            + sources + structures + schedules + ExplainedKey.all.map(\.explanation)
    }

    /// The topics by kind, as `fisher explain` lists them.
    static var list: String {
        let all = all
        let blocks = Kind.allCases.map { kind -> String in
            let names = all.filter { $0.kind == kind }.map(\.name)
            return "\(kind.rawValue)\n" + wrapped(names.joined(separator: ", "), indent: 4)
        }
        return blocks.joined(separator: "\n\n")
            + "\n\n"
            + wrapped(
                "fisher explain TOPIC tells of one; a key's last part is enough: fisher explain patience")
    }

    /// The columns of a line: 96, fewer on a narrower terminal.
    private static let lineWidth = min(ProgressOutput.standardOutput().tableWidth ?? 96, 96)

    /// A text in lines behind some blanks.
    static func wrapped(_ text: String, indent: Int = 0) -> String {
        DisplayWidth.wrapped(text, width: lineWidth - indent).map {
            String(repeating: " ", count: indent) + $0
        }.joined(separator: "\n")
    }

    /// The text for a terminal, whose equations and lists are broken too where they do not fit, a little further in.
    var fitted: String {
        guard let width = ProgressOutput.standardOutput().tableWidth else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { line -> [String] in
            guard DisplayWidth.of(String(line)) > width else { return [String(line)] }
            let indent = line.prefix { $0 == " " }
            let room = max(width - indent.count - 2, 1)
            return DisplayWidth.wrapped(String(line.dropFirst(indent.count)), width: room).enumerated().map {
                indent + ($0.offset == 0 ? "" : "  ") + $0.element
            }
        }.joined(separator: "\n")
    }
}
