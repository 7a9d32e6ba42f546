import Fisher
import FisherOptions
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
            + "\n\nfisher explain TOPIC tells of one; a key's last part is enough: fisher explain patience"
    }

    /// A text in lines of at most 96 columns behind some blanks.
    static func wrapped(_ text: String, indent: Int = 0) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + word.count + 1 > 96 - indent {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? word : " \(word)"
        }
        lines.append(line)
        return lines.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }
}
