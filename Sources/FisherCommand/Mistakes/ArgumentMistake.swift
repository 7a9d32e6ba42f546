import ArgumentParser
import Fisher
import FisherOptions

/// What is wrong with a command line, in one sentence.
///
/// The argument parser has a line that begins with "Error", one of help and the usage for a mistake, and does not say what
/// the form of a value is. This says it as every other mistake is said.
struct ArgumentMistake {
    /// What is wrong.
    let sentence: String
    /// The words of the command that was meant, such as `fisher train digits`.
    let command: String

    /// Reads an error of the argument parser; nil for requests that are no mistakes, such as that for help.
    init?(_ error: any Error, words: [String]) {
        let fault = Fault(error)
        let isRequest = ["helpRequested", "dumpHelpRequested", "versionRequested"].contains(fault.name)
        if isRequest || Self.thrown(error) is CleanExit || fault.name.hasPrefix("completionScript") {
            return nil
        }
        let types = Self.commands(of: error, words: words)
        let names = types.map { $0._commandName }
        command = names.joined(separator: " ")
        if let sentence = Self.misspelledCommand(types, words) ?? Self.sentence(of: fault, types, command) {
            self.sentence = sentence
            return
        }
        // The parser's own words take it several readings of the command's declarations.
        guard FisherTool.exitCode(for: error) == .validationFailure else { return nil }
        var line = FisherTool.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        if let option = line.components(between: "Missing expected argument '", and: "'") {
            line = "\(command) needs \(option)"
        }
        if line.hasSuffix("."), !line.hasSuffix("...") { line.removeLast() }
        sentence = line
    }

    /// A case of the parser's errors by its name, with the values that it has.
    private struct Fault {
        let name: String
        private let values: Mirror

        init(_ error: any Error) {
            var parser = Mirror(reflecting: error).descendant("parserError") ?? error
            // The parser wraps the mistake of a command line without any words.
            if let only = Mirror(reflecting: parser).children.first, only.label == "noArguments" {
                parser = only.value
            }
            let payload = Mirror(reflecting: parser).children.first
            name = payload?.label ?? "\(parser)"
            values = Mirror(reflecting: payload?.value ?? ())
        }

        /// A value by its place.
        func value(_ place: Int) -> Any? { values.descendant(place) }

        /// The elements of a value that is a list.
        var all: [Any] { values.children.map(\.value) }

        /// An option as it is written, such as `--steps`.
        func option(_ place: Int) -> String? {
            guard var name = value(place) else { return nil }
            if let some = Mirror(reflecting: name).descendant("some") { name = some }
            guard let (label, value) = Mirror(reflecting: name).children.first else { return nil }
            let text =
                value as? String ?? Mirror(reflecting: value).children.first.map { "\($0.value)" }
                ?? "\(value)"
            return (label == "long" ? "--" : "-") + text
        }
    }

    /// The sentence that a validation of arguments threw, or the error itself.
    static func thrown(_ error: any Error) -> any Error {
        let parser = Mirror(reflecting: error).descendant("parserError") ?? error
        guard let payload = Mirror(reflecting: parser).children.first, payload.label == "userValidationError"
        else { return error }
        return payload.value as? any Error ?? error
    }

    /// The commands that were meant, from the program's on: those that the parser had reached, or else those that words name.
    private static func commands(of error: any Error, words: [String]) -> [any ParsableCommand.Type] {
        let stack = Mirror(reflecting: error).descendant("commandStack") as? [any ParsableCommand.Type]
        var types: [any ParsableCommand.Type] = [FisherTool.self]
        for word in words {
            let found = types[types.count - 1].configuration.subcommands.first { $0._commandName == word }
            guard let found else { break }
            types.append(found)
        }
        return stack.map { $0.count > types.count ? $0 : types } ?? types
    }
}

extension ArgumentMistake {
    /// A word that should name a subcommand and does not, with the nearest name; nil where all do. The argument parser calls
    /// such a word an unexpected argument, or the option after it unknown.
    private static func misspelledCommand(
        _ types: [any ParsableCommand.Type], _ words: [String]
    ) -> String? {
        var command: any ParsableCommand.Type = FisherTool.self
        var path = [command._commandName]
        for word in words {
            let subcommands = command.configuration.subcommands
            if subcommands.isEmpty || word.hasPrefix("-") || word == "help" { return nil }
            let names = subcommands.map { $0._commandName }
            guard let next = subcommands.first(where: { $0._commandName == word }) else {
                // A default subcommand may have an argument of its own, but hardly one that resembles the name of another.
                if let usual = command.configuration.defaultSubcommand, takesArguments(usual),
                    nearestName(to: word, among: names) == nil
                {
                    return nil
                }
                return unknownName(
                    quoted(word), called: "subcommand of \(path.joined(separator: " "))", among: names)
            }
            command = next
            path.append(word)
        }
        return nil
    }

    /// Whether a command has arguments besides options.
    private static func takesArguments(_ command: any ParsableCommand.Type) -> Bool {
        Mirror(reflecting: command.init()).children.contains { $0.value is any PositionalHolder }
    }

    /// A mistake in our words; nil for those that the parser words well enough.
    private static func sentence(
        of fault: Fault, _ types: [any ParsableCommand.Type], _ command: String
    ) -> String? {
        switch fault.name {
        case "unknownOption":
            return fault.option(1).map { "\($0) is no option of \(command)\(hint(for: $0, of: types))" }
        case "missingValueForOption": return fault.option(1).map { "\($0) needs a value" }
        case "unexpectedValueForOption":
            guard let option = fault.option(1), let value = fault.value(2) as? String else { return nil }
            return "\(option) takes no value, but \(quoted(value)) was given"
        case "unexpectedExtraValues":
            let words = fault.all.compactMap { Mirror(reflecting: $0).descendant(1) as? String }
            guard let first = words.first else { return nil }
            let isSetting = first.contains("=") && !first.hasPrefix("-")
            return "\(command) does not take the argument\(words.count > 1 ? "s" : "") "
                + words.map(quoted).joined(separator: ", ")
                + (isSetting ? ": values are set as in --set \(first)" : "")
        case "missingSubcommand":
            let names = types.last?.configuration.subcommands.map { $0._commandName } ?? []
            return "\(command) needs one of \(names.joined(separator: ", "))"
        case "unableToParseValue": return unreadable(fault, types, command)
        default: return nil
        }
    }

    /// A value that its option does not take, with the form that it does.
    private static func unreadable(
        _ fault: Fault, _ types: [any ParsableCommand.Type], _ words: String
    ) -> String? {
        guard let value = fault.value(2) as? String, let key = fault.value(3),
            let name = Mirror(reflecting: key).descendant("name") as? String,
            let path = Mirror(reflecting: key).descendant("path") as? [String], let command = types.last
        else { return nil }
        let option = fault.option(1)
        let type = valueType(of: name, in: path, of: command)
        let reason = type.map { Self.complaint(about: value, as: $0, of: option ?? "", in: words) }
        return [option, quoted(value), reason ?? "cannot be read"].compactMap(\.self).joined(separator: " ")
    }

    /// The type of an option's value, by the names of the properties that lead to it.
    private static func valueType(
        of name: String, in path: [String], of command: any ParsableArguments.Type
    ) -> Any.Type? {
        var owner = command
        for part in path {
            guard let group = property(part, of: owner) as? any ArgumentGroup else { return nil }
            owner = type(of: group).members
        }
        return (property(name, of: owner) as? any ArgumentHolder).map { type(of: $0).held }
    }

    private static func property(_ name: String, of owner: any ParsableArguments.Type) -> Any? {
        Mirror(reflecting: owner.init()).children.first { $0.label == name || $0.label == "_" + name }?.value
    }

    /// What is wrong with a text that is to be a value of a type, as the end of a sentence.
    private static func complaint(
        about text: String, as type: Any.Type, of option: String, in command: String
    ) -> String {
        var type = type
        while let wrapper = type as? any ValueWrapper.Type { type = wrapper.wrapped }
        if let described = type as? any DescribedArgument.Type {
            return described.complaint(about: text, of: option, in: command)
        }
        let isCount = type == Int.self || type == UInt64.self
        if isCount, !text.isEmpty, text.drop(while: { $0 == "-" }).allSatisfy(\.isNumber) {
            return text.hasPrefix("-") && type == UInt64.self
                ? "must be zero or more" : "is too large a number"
        }
        if let choices = (type as? any ExpressibleByArgument.Type)?.allValueStrings, !choices.isEmpty {
            let hint = nearestName(to: text, among: choices).map { "; did you mean \($0)?" } ?? ""
            return "is not one of \(choices.joined(separator: ", "))\(hint)"
        }
        return (type as? any OptionValue.Type)?.expectation ?? "cannot be read"
    }
}

extension ArgumentMistake {
    /// What may have been meant by an unknown option.
    private static func hint(for option: String, of types: [any ParsableCommand.Type]) -> String {
        guard option.hasPrefix("--"), let type = types.last else { return "" }
        let name = String(option.dropFirst(2))
        let flags = flags(of: type)
        if name == "optimizer", flags.contains("rule") {
            return ": the rule of a run is named by --rule NAME, or --set optimizer.rule=NAME"
        }
        let key = name.replacing("-", with: "_")
        let options = RuleRegistry.rules.compactMap { $0.init().options.entry(named: key)?.name }
        if let own = options.first {
            let flag = own.replacing("_", with: "-")
            if flags.contains(flag) { return "; did you mean --\(flag)?" }
            // A hierarchy has no options that all rules share.
            if flags.contains("dampings") {
                return ": options of a rule stand behind its name, as in --optimizer RULE:\(own)=VALUE"
            }
            if flags.contains("set") {
                return
                    ": options of rules are set as in --set \(flags.contains("rule") ? "optimizer." : "")\(own)=VALUE"
            }
        }
        return nearestName(to: name, among: flags).map { "; did you mean --\($0)?" } ?? ""
    }

    /// The long names of a command's options, without hyphens.
    private static func flags(of type: any ParsableCommand.Type) -> [String] {
        func names<Command: ParsableCommand>(_ type: Command.Type) -> [String] {
            Command.helpMessage().split(whereSeparator: \.isNewline).flatMap { line -> [String] in
                guard line.hasPrefix("  -") else { return [] }
                return line.split { " ,/".contains($0) }.prefix { $0.hasPrefix("-") }
                    .filter { $0.hasPrefix("--") }.map { String($0.dropFirst(2)) }
            }
        }
        return names(type)
    }

    /// A word as a sentence shows it.
    private static func quoted(_ word: String) -> String { word.isEmpty ? "''" : word }
}

extension String {
    /// What lies between the first occurrence of one text and the next one of another, of which a zero byte is the end.
    fileprivate func components(between start: String, and end: String) -> String? {
        let text = self + "\u{0}"
        guard let first = text.range(of: start), let last = text[first.upperBound...].range(of: end) else {
            return nil
        }
        return String(text[first.upperBound..<last.lowerBound])
    }
}

/// A type of arguments that says in words what is wrong with a text.
protocol DescribedArgument: ExpressibleByArgument {
    /// What is wrong with a text that is no value of an option of a command, as the end of a sentence that begins with both.
    static func complaint(about text: String, of option: String, in command: String) -> String
}

/// A property that holds an argument's value.
private protocol ArgumentHolder { static var held: Any.Type { get } }
extension Option: ArgumentHolder { fileprivate static var held: Any.Type { Value.self } }
extension Argument: ArgumentHolder { fileprivate static var held: Any.Type { Value.self } }

/// A property that holds the value of an argument without an option's name.
private protocol PositionalHolder {}
extension Argument: PositionalHolder {}

/// A property that holds a group of arguments.
private protocol ArgumentGroup { static var members: any ParsableArguments.Type { get } }
extension OptionGroup: ArgumentGroup {
    fileprivate static var members: any ParsableArguments.Type { Value.self }
}

/// No value, or several.
private protocol ValueWrapper { static var wrapped: Any.Type { get } }
extension Optional: ValueWrapper { fileprivate static var wrapped: Any.Type { Wrapped.self } }
extension Array: ValueWrapper { fileprivate static var wrapped: Any.Type { Element.self } }
