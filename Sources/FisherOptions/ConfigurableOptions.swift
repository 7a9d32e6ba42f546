import Torch

/// A value type whose stored properties are options, or groups of options that several types share.
///
/// Each option is a property with `@Configurable`. A property whose own type conforms to this protocol is a
/// group: its options are listed among the owner's.
public protocol ConfigurableOptions: Hashable, Sendable {
    /// The defaults.
    init()

    /// Why values that are each allowed cannot be combined; nil if they can.
    var inconsistency: OptionError? { get }

    /// Whether configurations leave the group out as long as all of it is as it is by default: for options that were added
    /// later, so that files of runs without them stay as they were.
    static var isWrittenWhenSet: Bool { get }

    /// Names of removed options: they are accepted with any value and have no effect.
    static var retiredOptions: [String] { get }
}

/// An unknown option, or a value that an option rejects.
public struct OptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The option.
    public let option: String
    /// The value that was given.
    public let value: String
    /// What is wrong with it.
    public let reason: String

    /// Describes what is wrong with an option's value.
    public init(option: String, value: String, reason: String) {
        self.option = option
        self.value = value
        self.reason = reason
    }

    /// One sentence: the option, the value and the reason.
    public var description: String { "\(option) = \(value.isEmpty ? "''" : shortened(value)) \(reason)" }
}

extension ConfigurableOptions {
    public var inconsistency: OptionError? { nil }

    public static var retiredOptions: [String] { [] }

    public static var isWrittenWhenSet: Bool { false }

    /// The options with their present values, in the order of their declaration.
    public var options: [OptionEntry] {
        Mirror(reflecting: self).children.flatMap { child -> [OptionEntry] in
            switch child.value {
            case let option as any OptionProperty: [option.entry]
            case let group as any ConfigurableOptions: group.optionsOfGroup
            default: []
            }
        }
    }

    private var optionsOfGroup: [OptionEntry] {
        let all = options
        // While an option is set, defaults are replaced by it: the texts of the type's own defaults are asked for outside.
        guard Self.isWrittenWhenSet else { return all }
        let standard = OptionOverrides.$values.withValue([:]) { Self().options.map(\.pieces) }
        guard all.map(\.pieces) == standard else { return all }
        return all.map { entry in
            var entry = entry
            entry.isLeftOut = true
            return entry
        }
    }

    /// The options with their defaults, in the order of their declaration.
    public static var options: [OptionEntry] { Self().options }

    /// Throws the first option whose value is not allowed.
    public func validate() throws(OptionError) {
        for option in options {
            if let complaint = option.complaint {
                throw OptionError(option: option.name, value: option.text, reason: complaint)
            }
        }
        if let inconsistency { throw inconsistency }
    }

    /// Whether a name or an alias is that of an option.
    public func hasOption(named name: String) -> Bool { options.entry(named: name) != nil }

    /// Sets an option by its name or an alias, from text. Nothing changes if it throws.
    public mutating func setOption(_ name: String, to text: String) throws(OptionError) {
        try setOptions([(name, [text])])
    }

    /// Sets options by their names or aliases, each from its pieces of text. Nothing changes if it throws.
    ///
    /// Values that depend on one another are checked when all are set.
    public mutating func setOptions(_ settings: [(name: String, pieces: [String])]) throws(OptionError) {
        let options = options
        var values = Dictionary(options.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        for (name, pieces) in settings {
            let text = pieces.joined(separator: ",")
            guard let option = options.entry(named: name) else {
                if Self.retiredOptions.contains(where: { plainName($0) == plainName(name) }) { continue }
                throw OptionError(option: name, value: text, reason: Self.unknown(name, among: options))
            }
            switch option.parse(pieces) {
            case .value(let value): values[option.name] = value
            case .complaint(let reason):
                throw OptionError(option: option.name, value: text, reason: reason)
            }
        }
        let changed = OptionOverrides.$values.withValue(values) { Self() }
        try changed.validate()
        self = changed
    }

    private static func unknown(_ name: String, among options: [OptionEntry]) -> String {
        let names = options.map(\.name)
        let nearest = nearestName(to: name, among: names + options.flatMap(\.declaration.aliases))
        let hint = nearest.map { "; did you mean \($0)?" } ?? ""
        return "is not an option (\(names.joined(separator: ", ")))\(hint)"
    }
}

extension [OptionEntry] {
    /// The option with a name or, if there is none, with an alias.
    package func entry(named name: String) -> OptionEntry? {
        first { $0.declaration.hasName(name) } ?? first { $0.declaration.isNamed(name) }
    }
}
