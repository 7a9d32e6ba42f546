import ArgumentParser
import FisherOptions
import FisherTraining
import Synchronization

/// How a command uses the configuration of a task: which options have a flag of their own, and the default
/// preset.
protocol ConfigurationUse {
    /// Whether an option of this name has a flag, beside its key in `--set` and in files.
    static func hasFlag(_ option: String) -> Bool
    /// Values below all others that differ from the options' defaults.
    static var base: [ConfigurationLayer] { get }
    /// Whether `--set` takes options of rules by their names, without a section.
    static var takesRuleOptions: Bool { get }
    /// The default preset.
    static func preset<Task: ConfigurableTask>(of task: Task.Type) -> String?
}

extension ConfigurationUse {
    static var base: [ConfigurationLayer] { [] }
    static var takesRuleOptions: Bool { false }

    static func preset<Task: ConfigurableTask>(of task: Task.Type) -> String? { task.presets.first?.name }
}

/// The configuration of a task on the command line: a flag for each option, a preset, a file, and single
/// values over them.
struct ConfigurationArguments<Task: ConfigurableTask, Use: ConfigurationUse>: ParsableArguments {
    @OptionGroup(title: "Options of \(Task.name)") var flags: OptionFlags<Task, Use>
    @Option(help: "A TOML file.")
    var config: String?
    @Option(
        help: ArgumentHelp(
            "A named set of values to start from: \(Task.presets.map(\.name).joined(separator: ", "))"
                + (Use.preset(of: Task.self).map { "; by default \($0), whose values this help gives." }
                    ?? ".")))
    var preset: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "A value of any option by its key, repeatable; lists with commas.", valueName: "key=value"))
    var settings: [SettingArgument] = []

    /// The layers in the order in which they apply.
    ///
    /// - Parameters:
    ///   - first: layers below all others, in place of the default preset.
    ///   - settings: the values of `--set` that belong to the configuration.
    func layers(after first: [ConfigurationLayer]? = nil) throws -> [ConfigurationLayer] {
        var layers = Use.base + (first ?? [])
        if let preset = preset ?? (first == nil ? Use.preset(of: Task.self) : nil) {
            layers.append(try Task.preset(preset))
        }
        if let config { layers.append(try ConfigurationLayer(tomlFile: config)) }
        layers.append(ConfigurationLayer(.commandLine, values))
        return layers
    }

    /// The values that flags and settings set, by the options' keys.
    var values: [(key: String, pieces: [String])] {
        let lists = RunConfiguration<Task.Options>.options.filter { $0.declaration.form == .list }
        return flags.values
            + settings.filter { !isRuleOption($0) }.map { setting in
                let isList = lists.contains { $0.name == setting.name }
                return (
                    setting.name,
                    isList ? setting.value.split(separator: ",").map(String.init) : [setting.value]
                )
            }
    }

    /// Settings of options of rules, which have no section: `beta2=0.99`.
    var ruleSettings: [SettingArgument] { settings.filter(isRuleOption) }

    private func isRuleOption(_ setting: SettingArgument) -> Bool {
        Use.takesRuleOptions && !setting.name.contains(".")
    }

    /// Whether the command line has any value, preset or file.
    var isGiven: Bool { config != nil || preset != nil || !values.isEmpty || !ruleSettings.isEmpty }

    /// Settings without a section, as the options that they would be where no rules are compared: none has such a name.
    var unsectioned: ConfigurationLayer {
        ConfigurationLayer(.commandLine, ruleSettings.map { ($0.name, [$0.value]) })
    }

    /// The resolved configuration; every setting must be an option of it.
    func resolved() throws -> ResolvedConfiguration<Task.Options> {
        try ResolvedConfiguration(try layers() + [unsectioned])
    }
}

/// Flags that derive from the declarations of options: `--warm-up` of `optimizer.warm_up`.
///
/// The argument parser finds a type's flags by reflection, so this type shows it one child for each option and reads them back
/// by the same names.
struct OptionFlags<Task: ConfigurableTask, Use: ConfigurationUse>: ParsableArguments, CustomReflectable {
    /// The values given, by the options' names.
    private(set) var values: [(key: String, pieces: [String])] = []

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for option in OptionFlag.of(Task.self, Use.self) {
            let key = Key(stringValue: option.name)
            if option.isList {
                let pieces = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
                if !pieces.isEmpty { values.append((option.name, pieces)) }
            } else if let text = try container.decode(Option<String?>.self, forKey: key).wrappedValue {
                values.append((option.name, [text]))
            }
        }
    }

    var customMirror: Mirror {
        let children = OptionFlag.of(Task.self, Use.self).map { option -> Mirror.Child in
            let name = NameSpecification.customLong(option.flag)
            let help = ArgumentHelp(stringLiteral: option.help)
            return (
                option.name,
                option.isList
                    ? Option<[String]>(wrappedValue: [], name: name, parsing: .upToNextOption, help: help)
                    : Option<String?>(name: name, help: help)
            )
        }
        return Mirror(self, children: children, displayStyle: .struct)
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

/// One flag that derives from the declaration of an option.
struct OptionFlag: Sendable {
    /// The option's name: `optimizer.warm_up`.
    let name: String
    /// The flag without its hyphens: `warm-up`.
    let flag: String
    /// What the option means, and its default.
    let help: String
    /// Whether the option takes several values.
    let isList: Bool

    /// The flags of one use of a task's configuration.
    ///
    /// The argument parser asks for them hundreds of times in one start, so they are derived once for each pair of types.
    static func of<Task: ConfigurableTask, Use: ConfigurationUse>(
        _ task: Task.Type, _ use: Use.Type
    ) -> [OptionFlag] {
        let key = Pair(task: ObjectIdentifier(task), use: ObjectIdentifier(use))
        if let known = derived.withLock({ $0[key] }) { return known }
        let flags = flags(of: task)
        let made = options(task, use).map { option in
            let text = option.text.isEmpty ? "" : " (default: \(option.text))"
            return OptionFlag(
                name: option.name, flag: flags[option.name] ?? option.name,
                help: "\(option.declaration.meaning)\(text)", isList: option.declaration.form == .list)
        }
        derived.withLock { $0[key] = made }
        return made
    }

    /// The flag of an option in one use of a task's configuration, without hyphens; nil if it has none.
    static func name<Task: ConfigurableTask, Use: ConfigurationUse>(
        of option: String, _ task: Task.Type, _ use: Use.Type
    ) -> String? {
        of(task, use).first { $0.name == option }?.flag
    }

    private struct Pair: Hashable {
        let task: ObjectIdentifier
        let use: ObjectIdentifier
    }

    private static let derived = Mutex<[Pair: [OptionFlag]]>([:])

    /// The options with flags, with their default values.
    private static func options<Task: ConfigurableTask, Use: ConfigurationUse>(
        _ task: Task.Type, _ use: Use.Type
    ) -> [OptionEntry] {
        var defaults = RunConfiguration<Task.Options>()
        let preset = Use.preset(of: Task.self).flatMap { try? Task.preset($0) }
        // Options of the rule have no flags.
        let own = preset.map { preset in
            let options = defaults.options
            return preset.values.compactMap { value in
                options.entry(named: value.key).map { ($0.name, value.pieces) }
            }
        }
        try? defaults.setOptions(own ?? [])
        return defaults.options.filter { Use.hasFlag($0.name) }
    }

    /// The flag of each option: the last part of its name, or the whole name where another flag has that.
    private static func flags<Task: ConfigurableTask>(of task: Task.Type) -> [String: String] {
        func hyphenated(_ text: some StringProtocol) -> String {
            String(text.map { $0 == "." || $0 == "_" ? "-" : $0 })
        }
        let names = RunConfiguration<Task.Options>.options.map(\.name)
        let own = Set(Task.Options.options.map(\.name))
        let short = Dictionary(
            uniqueKeysWithValues: names.map { ($0, hyphenated($0.split(separator: ".").last ?? "")) })
        let users = Dictionary(grouping: names) { short[$0] ?? "" }
        return short.reduce(into: [:]) { flags, entry in
            let isTaken = commandFlags.contains(entry.value) || users[entry.value, default: []].count > 1
            flags[entry.key] = own.contains(entry.key) && isTaken ? hyphenated(entry.key) : entry.value
        }
    }

    /// Flags that commands have of their own, which no option of a task may take.
    private static var commandFlags: Set<String> {
        [
            "accept-damage", "batches", "change-schedule", "config", "damping", "dampings", "differences",
            "divergence", "dry-run", "extensions", "first-seed", "help", "json", "learning-rates",
            "margin", "name", "note", "optimizer", "option", "output", "pilot", "pilot-all", "power",
            "preset",
            "print-config", "protocol", "quick", "resume", "seeds", "set", "sizes", "tag", "target-loss",
            "title",
            "training-steps", "tune", "tuning-seeds", "turns", "unequal-budgets", "variances", "version",
            "warm-up-steps",
        ]
    }
}
