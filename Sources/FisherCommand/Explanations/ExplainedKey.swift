import Fisher
import FisherOptions
import FisherTasks
import FisherTraining

/// A key of configurations, as one or several declarations have it.
struct ExplainedKey {
    /// The key.
    let name: String
    /// What the declarations say, equal ones once.
    var meanings: [Meaning]

    /// What one declaration says of a key, with what has it.
    struct Meaning {
        let meaning: String
        let values: String
        /// The tasks or the rules that have it.
        var owners: [String]
        /// The default of each owner.
        var defaults: [String]
    }

    /// Every key: those of all runs, of the tasks, and of the rules.
    static var all: [ExplainedKey] {
        var keys: [ExplainedKey] = []
        func add(_ name: String, _ option: OptionEntry, owner: String, standard: String) {
            let values = values(of: option)
            let found = Meaning(
                meaning: option.declaration.meaning, values: values, owners: [owner], defaults: [standard])
            guard let place = keys.firstIndex(where: { $0.name == name }) else {
                return keys.append(ExplainedKey(name: name, meanings: [found]))
            }
            let same = keys[place].meanings.firstIndex {
                $0.meaning == found.meaning && $0.values == found.values
            }
            if let same {
                keys[place].meanings[same].owners.append(owner)
                keys[place].meanings[same].defaults.append(standard)
            } else {
                keys[place].meanings.append(found)
            }
        }
        for task in TaskRegistry.tasks { addOptions(of: task, to: add) }
        for rule in RuleRegistry.rules {
            let name = rule.summary.name
            for option in rule.init().options where option.name != "learning_rate" {
                add("optimizer.\(option.name)", option, owner: name, standard: option.text)
            }
        }
        return keys
    }

    private static func addOptions<Task: ConfigurableTask>(
        of task: Task.Type, to add: (String, OptionEntry, _ owner: String, _ standard: String) -> Void
    ) {
        let preset = Task.presets.first.map(\.layer)
        let resolved = try? ResolvedConfiguration<Task.Options>([preset].compactMap(\.self))
        for option in (resolved?.value ?? RunConfiguration()).options {
            add(option.name, option, Task.name, option.text)
        }
    }

    /// What values an option takes, in words.
    private static func values(of option: OptionEntry) -> String {
        guard let bounds = option.bounds else { return option.values }
        return bounds.hasPrefix("must be one of ")
            ? String(bounds.dropFirst(8)) : "\(option.values) that \(bounds)"
    }

    /// Whether the key is a rule's own: it belongs to no task.
    var isOfRules: Bool { meanings.allSatisfy { !$0.owners.contains(where: Self.taskNames.contains) } }

    private static var taskNames: [String] { TaskRegistry.tasks.map { $0.name } }

    /// The commands that have a flag for the key, with the flag: `--patience`.
    private var flags: [(flag: String, commands: [String])] {
        var found: [(flag: String, commands: [String])] = []
        func add<Task: ConfigurableTask>(_ task: Task.Type) {
            for (command, flag) in [
                ("train", OptionFlag.name(of: name, Task.self, TrainUse.self)),
                ("compare", OptionFlag.name(of: name, Task.self, ComparisonUse.self)),
                ("ablate", OptionFlag.name(of: name, Task.self, ComparisonUse.self)),
                ("hierarchy", OptionFlag.name(of: name, Task.self, HierarchyUse.self)),
            ] {
                guard let flag else { continue }
                if let place = found.firstIndex(where: { $0.flag == flag }) {
                    if !found[place].commands.contains(command) { found[place].commands.append(command) }
                } else {
                    found.append((flag, [command]))
                }
            }
        }
        for task in TaskRegistry.tasks { add(task) }
        return found
    }

    /// Where the key can be set, a sentence each.
    private var places: [String] {
        let (section, rest) = name.split(separator: ".", maxSplits: 1).pair
        var lines = flags.map { "--\($0.flag) of fisher \($0.commands.joined(separator: ", "))" }
        let isOfRuns = HierarchyUse.sectionsOfRuns.contains { name.hasPrefix($0) }
        lines.append("--set \(name)=VALUE of fisher train, compare, ablate\(isOfRuns ? "" : ", hierarchy")")
        if isOfRules {
            lines.append(
                "--set \(rest)=VALUE of fisher compare, ablate; --optimizer RULE:\(rest)=VALUE of these and of hierarchy"
            )
        }
        lines.append("[\(section)] \(rest) = VALUE in a TOML file for --config")
        return lines
    }

    /// Values that differ between owners, or the one that all have.
    private func defaults(of meaning: Meaning) -> String {
        let values = Set(meaning.defaults)
        func shown(_ text: String) -> String { text.isEmpty ? "nothing" : text }
        if values.count == 1 { return shown(meaning.defaults[0]) }
        var groups: [(value: String, owners: [String])] = []
        for (owner, value) in zip(meaning.owners, meaning.defaults) {
            if let place = groups.firstIndex(where: { $0.value == value }) {
                groups[place].owners.append(owner)
            } else {
                groups.append((value, [owner]))
            }
        }
        return groups.map { "\(shown($0.value)) (\($0.owners.joined(separator: ", ")))" }.joined(
            separator: "; ")
    }

    /// The key for `fisher explain`.
    var explanation: Explanation {
        var lines = [name]
        let all = Set(meanings.flatMap(\.owners)).count
        for meaning in meanings {
            let isEverywhere = meaning.owners.count == TaskRegistry.tasks.count && !isOfRules
            lines.append(Explanation.wrapped(meaning.meaning, indent: 2))
            if all > 1 || isOfRules {
                let owners = isEverywhere ? "all tasks" : meaning.owners.joined(separator: ", ")
                lines += rows(isOfRules ? "rules" : "tasks", owners)
            } else {
                lines += rows("task", meaning.owners.joined())
            }
            lines += rows("values", meaning.values)
            lines += rows("default", defaults(of: meaning))
        }
        for (number, place) in places.enumerated() { lines += rows(number == 0 ? "set by" : "", place) }
        if !isOfRules, !TrainingConfiguration.determinesCourse(name, in: [:]) {
            lines += rows("resume", "may be set anew when a run is resumed")
        }
        return Explanation(kind: .key, name: name, text: lines.joined(separator: "\n"))
    }

    private func rows(_ title: String, _ text: String) -> [String] {
        let wide = Explanation.wrapped(text, indent: 12).split(separator: "\n").map(String.init)
        let head = "    " + title + String(repeating: " ", count: 8 - title.count)
        return [head + wide[0].dropFirst(12)] + wide.dropFirst()
    }

    /// The rows of a table of the article on every key.
    var tableRows: [String] {
        meanings.map { meaning in
            let flags = flags.map { "`--\($0.flag)`" }.joined(separator: ", ")
            let owners =
                meaning.owners.count == TaskRegistry.tasks.count && !isOfRules
                ? "all" : meaning.owners.joined(separator: ", ")
            return "| "
                + [
                    "`\(name)`", meaning.meaning, meaning.values, "`\(defaults(of: meaning))`",
                    isOfRules ? owners : (flags.isEmpty ? "" : flags), isOfRules ? "" : owners,
                ].prefix(isOfRules ? 5 : 6).map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")
                + " |"
        }
    }

    /// The article on every key.
    static var article: String {
        let keys = all
        func section(_ title: String, _ text: String, _ keys: [ExplainedKey], rules: Bool = false) -> String {
            let head =
                rules
                ? "| key | meaning | values | default | rules |\n|---|---|---|---|---|"
                : "| key | meaning | values | default | flag | tasks |\n|---|---|---|---|---|---|"
            return "## \(title)\n\n\(text)\n\n\(head)\n" + keys.flatMap(\.tableRows).joined(separator: "\n")
                + "\n"
        }
        let sections = ["optimizer", "training", "checkpoints", "log"]
        let shared = keys.filter { key in
            !key.isOfRules && sections.contains { key.name.hasPrefix($0 + ".") }
        }
        let own = keys.filter { key in
            !key.isOfRules && !sections.contains { key.name.hasPrefix($0 + ".") }
        }
        return """
            # Every key

            What configurations hold: every key with its meaning, its values, its default and its flag.

            ## Overview

            A key is set by its flag, by `--set KEY=VALUE`, or in a TOML file for `--config`, whose tables are the part of \\
            the key before the dot. What 0 or `none` means is said with the key. `fisher explain KEY` tells the same of one \\
            key, and `--print-config` where each value of a run comes from. Defaults are those of the task's first preset.

            This article is what `fisher explain --markdown` prints; a test holds it to the program.


            """.replacing("\\\n", with: "")
                + [
                    section("Keys of all tasks", "They are the same whatever is trained.", shared),
                    section(
                        "Keys of tasks",
                        "Data and model. A flag is the last part of the key where no other option has it.",
                        own),
                    section(
                        "Keys of rules",
                        "Which of them a run has is decided by `optimizer.rule`. `fisher compare` and `fisher ablate` take them "
                            + "behind the name of an optimizer too: `--optimizer fadam:rho=0.6`.",
                        keys.filter(\.isOfRules), rules: true),
                ].joined(separator: "\n")
    }
}

extension [Substring] {
    /// The first two of several parts.
    fileprivate var pair: (String, String) {
        (first.map(String.init) ?? "", dropFirst().first.map(String.init) ?? "")
    }
}
