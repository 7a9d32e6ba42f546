import Fisher
import FisherOptions

/// The configuration of a run: the options of its task, the optimizer, the course of the training.
public struct RunConfiguration<Options: ConfigurableOptions>: ConfigurableOptions {
    /// The options of data and model.
    public var task = Options()
    /// The rule, its learning rate and its own options.
    public var optimizer = OptimizerConfiguration()
    /// Steps, checkpoints, logs.
    public var training = TrainingConfiguration()

    /// The defaults.
    public init() {}

    /// The inconsistency of the task's options.
    public var inconsistency: OptionError? { task.inconsistency }

    /// The configuration that repeats one run of a study: the same task, with an optimizer and a seed.
    func run(of candidate: OptimizerCandidate, seed: UInt64) -> RunConfiguration {
        var own = self
        own.training.seed = seed
        own.optimizer = OptimizerConfiguration(candidate)
        return own
    }
}

/// A configuration put together from layers, each value with its origin.
public struct ResolvedConfiguration<Options: ConfigurableOptions>: Sendable {
    /// The values.
    public let value: RunConfiguration<Options>
    /// All values: the options' in the order of their declarations, then the rule's own.
    public let entries: [Entry]

    /// One value with its origin.
    public struct Entry: Sendable {
        /// The key, such as `training.steps`.
        public let key: String
        /// The value as TOML spells it.
        public let toml: String
        /// The origin of the value.
        public let origin: ConfigurationOrigin
        /// What the value stands for where it leaves the choice to the program, as 0 does for many keys.
        var choice: String?
    }

    /// Applies layers in their order.
    ///
    /// - Throws: `ConfigurationError` for a key that does not exist, with the nearest one, and for a value
    ///   that the option rejects, each with its origin.
    public init(_ layers: [ConfigurationLayer]) throws(ConfigurationError) {
        let options = RunConfiguration<Options>.options
        // The last layer that names an option wins, whichever of its names it uses.
        var set: [String: (pieces: [String], origin: ConfigurationOrigin)] = [:]
        for layer in layers {
            for (key, pieces) in layer.values {
                let name = options.entry(named: key)?.name ?? key
                set[name] = (pieces, layer.origin)
            }
        }
        func origin(_ key: String) -> ConfigurationOrigin { set[key]?.origin ?? .standard }
        var value = RunConfiguration<Options>()
        do {
            try value.setOptions(
                options.compactMap { option in set[option.name].map { (option.name, $0.pieces) } })
        } catch {
            let shown = error.value.isEmpty ? "''" : shortened(error.value)
            throw ConfigurationError(
                "\(error.option) = \(shown) (\(origin(error.option))) \(error.reason)")
        }
        let others = Set(set.keys).subtracting(options.map(\.name))
        for key in others.sorted() {
            let text = set[key]?.pieces.joined(separator: ",") ?? ""
            let rule: any OptimizationRule
            do throws(HyperparameterError) {
                rule = try value.optimizer.makeRule()
            } catch {
                throw ConfigurationError("optimizer.rule (\(origin("optimizer.rule"))): \(error)")
            }
            guard key.hasPrefix(Self.ruleSection),
                rule.hasOption(named: String(key.dropFirst(Self.ruleSection.count)))
                    || type(of: rule).retiredOptions.contains(String(key.dropFirst(Self.ruleSection.count)))
            else {
                throw Self.unknown(key, origin(key), options.map(\.name), rule)
            }
            do throws(HyperparameterError) {
                try value.optimizer.setRuleOption(String(key.dropFirst(Self.ruleSection.count)), to: text)
            } catch {
                let shown = text.isEmpty ? "''" : shortened(text)
                throw ConfigurationError("\(key) = \(shown) (\(origin(key))) \(error.reason)")
            }
        }
        try self.init(value, origin: origin)
    }

    /// A configuration whose values have no origin but the program.
    ///
    /// - Throws: `ConfigurationError` for a rule that is not registered.
    init(_ value: RunConfiguration<Options>) throws(ConfigurationError) {
        try self.init(value) { _ in .standard }
    }

    private init(
        _ value: RunConfiguration<Options>, origin: (String) -> ConfigurationOrigin
    ) throws(ConfigurationError) {
        self.value = value
        let own = value.options.filter { !$0.isLeftOut }.map { option in
            // The learning rate is kept as the text of a number or a schedule.
            let isNumber = option.name == Self.ruleSection + "learning_rate"
            var entry = Entry(
                key: option.name, pieces: option.pieces, form: isNumber ? .bare : option.declaration.form,
                origin: origin(option.name))
            entry.choice = option.choice
            return entry
        }
        do throws(HyperparameterError) {
            let settings = try value.optimizer.makeRule().settings.filter { $0.name != "learning_rate" }
            entries =
                own
                + settings.map {
                    let key = Self.ruleSection + $0.name
                    return Entry(key: key, pieces: [$0.value], form: .bare, origin: origin(key))
                }
        } catch {
            throw ConfigurationError("optimizer.rule (\(origin("optimizer.rule"))): \(error)")
        }
    }

    static var ruleSection: String { "optimizer." }

    /// What is wrong with a key that no option has: the keys that end as it does, the nearest one, or the rules that have it.
    private static func unknown(
        _ key: String, _ origin: ConfigurationOrigin, _ names: [String], _ rule: any OptimizationRule
    ) -> ConfigurationError {
        let own = rule.options.map { ruleSection + $0.name }
        let start = "\(key.isEmpty ? "''" : shortened(key)) (\(origin)) is not an option"
        let last = key.split(separator: ".").last.map(String.init) ?? key
        let ruleName = type(of: rule).summary.name
        if !key.contains("."), let option = rule.options.entry(named: key) {
            return ConfigurationError("\(start); did you mean \(ruleSection)\(option.name)?")
        }
        if !key.contains(".") {
            let ends = names.filter { $0.hasSuffix(".\(key)") }
            if let first = ends.first {
                let others = ends.dropFirst().map { " or \($0)" }.joined()
                return ConfigurationError("\(start); did you mean \(first)\(others)?")
            }
        }
        let all = names + own
        if let nearest = nearestName(to: key, among: all), nearest != key {
            return ConfigurationError("\(start); did you mean \(nearest)?")
        }
        if key.hasPrefix(ruleSection) {
            let owners = RuleRegistry.rules.filter { $0.init().hasOption(named: last) }.map {
                $0.summary.name
            }
            return ConfigurationError(
                "\(start) of \(ruleName)"
                    + (owners.isEmpty
                        ? "; it has \(rule.options.map(\.name).joined(separator: ", "))"
                        : ", but of \(owners.prefix(4).joined(separator: ", "))"))
        }
        // Whatever its section is called, the last part may be that of an option.
        let nearest = nearestName(to: last, among: all.map { String($0.split(separator: ".").last ?? "") })
        let meant = nearest.flatMap { part in all.first { $0.hasSuffix(".\(part)") } }
        return ConfigurationError(
            "\(start)" + (meant.map { "; did you mean \($0)?" } ?? ": fisher explain lists all"))
    }

    /// The values as TOML text by key, as a run's document keeps them.
    public var tomlValues: [String: String] {
        Dictionary(entries.map { ($0.key, $0.toml) }, uniquingKeysWith: { $1 })
    }

    /// The values as a TOML file that gives this configuration again. Where a value leaves the choice to the program, a remark
    /// says what that is: `evaluate_every = 0  # ten times a run`.
    public var toml: String { lines { $0.choice.map { "  # \($0)" } ?? "" } }

    /// The same with each value's origin behind it.
    public var explained: String { Self.explained(entries) }

    static func explained(_ entries: [Entry]) -> String {
        let width = entries.map(\.line.count).max() ?? 0
        return lines(entries) { entry in
            String(repeating: " ", count: max(0, width - entry.line.count)) + "  # \(entry.origin)"
        }
    }

    private func lines(_ remark: (Entry) -> String) -> String { Self.lines(entries, remark) }

    /// Values as the lines of a file, each with a remark.
    static func lines(_ entries: [Entry], _ remark: (Entry) -> String) -> String {
        // TOML allows a table once only, and top-level keys before all tables, so entries of one section are
        // grouped.
        var sections = [""]
        for entry in entries where !sections.contains(entry.section) { sections.append(entry.section) }
        return sections.compactMap { section in
            let lines = entries.filter { $0.section == section }.map { $0.line + remark($0) + "\n" }
            if lines.isEmpty { return nil }
            return (section.isEmpty ? "" : "[\(section)]\n") + lines.joined()
        }.joined(separator: "\n")
    }
}

extension ResolvedConfiguration.Entry {
    init(key: String, pieces: [String], form: OptionForm, origin: ConfigurationOrigin) {
        self.init(key: key, toml: TOMLText.value(pieces, form: form), origin: origin)
    }

    /// The part of the key before the first dot; empty if there is none.
    fileprivate var section: String { key.contains(".") ? String(key.prefix { $0 != "." }) : "" }
    /// The value below its section's head.
    var line: String {
        "\(section.isEmpty ? key : String(key.dropFirst(section.count + 1))) = \(toml)"
    }
}
