import FisherFiles
import Foundation

/// Why a text is no expression.
package struct ExpressionError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

/// An arithmetic expression of named quantities, such as `exp(a) / b`.
///
/// `+`, `-`, `*`, `/`, `^` and parentheses with their usual order, decimal numbers, and the functions of
/// ``functionNames``. A name consists of letters, digits and `_ . : @ |`, begins with no digit, and may have parts in
/// square brackets (`sex[male]`, `0.weight[0, 2]` in back quotes); any other name is put in back quotes.
package struct Expression: Hashable, Sendable, CustomStringConvertible {
    indirect enum Node: Hashable, Sendable {
        case number(Double)
        case name(String)
        case negated(Node)
        case binary(Character, Node, Node)
        case call(String, Node)
    }

    /// The functions of one argument.
    package static let functionNames = [
        "exp", "log", "log2", "log10", "sqrt", "abs", "sin", "cos", "tanh", "logistic", "logit", "I",
    ]

    let root: Node
    package let description: String

    package init(_ text: String) throws(ExpressionError) {
        var parser = ExpressionParser(text)
        root = try parser.whole()
        description = text
    }

    /// The names in the order in which they first occur.
    package var names: [String] {
        var found: [String] = []
        func visit(_ node: Node) {
            switch node {
            case .number: break
            case .name(let name): if !found.contains(name) { found.append(name) }
            case .negated(let inner), .call(_, let inner): visit(inner)
            case .binary(_, let a, let b):
                visit(a)
                visit(b)
            }
        }
        visit(root)
        return found
    }

    /// The value with its derivatives.
    ///
    /// - Parameter lookup: the value of a name, with a 1 at its own place of the gradient for a variable.
    package func evaluated<Failure: Error>(
        _ lookup: (String) throws(Failure) -> DualNumber
    ) throws(Failure) -> DualNumber {
        func visit(_ node: Node) throws(Failure) -> DualNumber {
            switch node {
            case .number(let value): return DualNumber(value)
            case .name(let name): return try lookup(name)
            case .negated(let inner): return DualNumber(0) - (try visit(inner))
            case .call(let function, let inner): return Self.call(function, try visit(inner))
            case .binary(let sign, let left, let right):
                let (a, b) = (try visit(left), try visit(right))
                switch sign {
                case "+": return a + b
                case "-": return a - b
                case "*": return a * b
                case "/": return a / b
                default: return .power(a, b)
                }
            }
        }
        return try visit(root)
    }

    private static func call(_ function: String, _ u: DualNumber) -> DualNumber {
        let x = u.value
        switch function {
        case "exp": return u.mapped(exp(x), exp(x))
        case "log": return u.mapped(log(x), 1 / x)
        case "log2": return u.mapped(log2(x), 1 / (x * log(2)))
        case "log10": return u.mapped(log10(x), 1 / (x * log(10)))
        case "sqrt": return u.mapped(x.squareRoot(), 0.5 / x.squareRoot())
        case "abs": return u.mapped(abs(x), x < 0 ? -1 : 1)
        case "sin": return u.mapped(sin(x), cos(x))
        case "cos": return u.mapped(cos(x), -sin(x))
        case "tanh": return u.mapped(tanh(x), 1 - tanh(x) * tanh(x))
        case "logistic":
            let p = 1 / (1 + exp(-x))
            return u.mapped(p, p * (1 - p))
        case "logit": return u.mapped(log(x / (1 - x)), 1 / (x * (1 - x)))
        default: return u
        }
    }
}

/// Recursive descent over the characters of an expression.
private struct ExpressionParser {
    private let characters: [Character]
    private let text: String
    private var position = 0
    private var depth = 0

    init(_ text: String) {
        self.text = text
        characters = Array(text)
    }

    mutating func whole() throws(ExpressionError) -> Expression.Node {
        let node = try sum()
        if let next = peek() {
            throw fault("has \(String(next).quotedForError) where an operator is expected")
        }
        return node
    }

    private func fault(_ reason: String) -> ExpressionError {
        ExpressionError(description: "the expression \(text.quotedForError) \(reason)")
    }

    private mutating func peek() -> Character? {
        while position < characters.count, characters[position].isWhitespace { position += 1 }
        return position < characters.count ? characters[position] : nil
    }

    private mutating func take(_ signs: String) -> Character? {
        guard let next = peek(), signs.contains(next) else { return nil }
        position += 1
        return next
    }

    private mutating func sum() throws(ExpressionError) -> Expression.Node {
        // Calls nest as deeply as the text is long.
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw fault("is nested more than 100 times") }
        var node = try product()
        while let sign = take("+-") { node = .binary(sign, node, try product()) }
        return node
    }

    private mutating func product() throws(ExpressionError) -> Expression.Node {
        var node = try signed()
        while let sign = take("*/") { node = .binary(sign, node, try signed()) }
        return node
    }

    private mutating func signed() throws(ExpressionError) -> Expression.Node {
        var isNegative = false
        while let sign = take("+-") { if sign == "-" { isNegative.toggle() } }
        let node = try power()
        return isNegative ? .negated(node) : node
    }

    private mutating func power() throws(ExpressionError) -> Expression.Node {
        let base = try primary()
        guard take("^") != nil else { return base }
        depth += 1
        defer { depth -= 1 }
        if depth > 100 { throw fault("is nested more than 100 times") }
        return .binary("^", base, try signed())
    }

    private mutating func primary() throws(ExpressionError) -> Expression.Node {
        guard let next = peek() else { throw fault("ends where a name or a number is expected") }
        if take("(") != nil { return try closed() }
        if next == "`" {
            guard let end = characters[(position + 1)...].firstIndex(of: "`") else {
                throw fault("opens a back quote that is not closed")
            }
            defer { position = end + 1 }
            return .name(String(characters[position + 1..<end]))
        }
        if next.isNumber || next == "." { return try number() }
        guard next.isLetter || next == "_" else {
            throw fault("has \(String(next).quotedForError) where a name or a number is expected")
        }
        let name = try name()
        guard take("(") != nil else { return .name(name) }
        guard Expression.functionNames.contains(name) else {
            throw fault(
                "calls \(name.quotedForError), which is none of "
                    + Expression.functionNames.joined(separator: ", "))
        }
        return .call(name, try closed())
    }

    private mutating func closed() throws(ExpressionError) -> Expression.Node {
        let node = try sum()
        guard take(")") != nil else { throw fault("opens a parenthesis that is not closed") }
        return node
    }

    private mutating func number() throws(ExpressionError) -> Expression.Node {
        let start = position
        func isDigit(_ index: Int) -> Bool { index < characters.count && characters[index].isNumber }
        while isDigit(position) || (position < characters.count && characters[position] == ".") {
            position += 1
        }
        if position < characters.count, "eE".contains(characters[position]) {
            let signed =
                position + 1 < characters.count && "+-".contains(characters[position + 1])
                ? position + 2 : position + 1
            if isDigit(signed) {
                position = signed
                while isDigit(position) { position += 1 }
            }
        }
        let digits = String(characters[start..<position])
        guard let value = Double(digits), value.isFinite else {
            throw fault("has \(digits.quotedForError), which is no number")
        }
        return .number(value)
    }

    private mutating func name() throws(ExpressionError) -> String {
        let start = position
        while position < characters.count {
            let character = characters[position]
            if character == "[" {
                guard let end = characters[position...].firstIndex(of: "]") else {
                    throw fault("opens a bracket that is not closed")
                }
                position = end + 1
            } else if character.isLetter || character.isNumber || "_.:@|".contains(character) {
                position += 1
            } else {
                break
            }
        }
        return String(characters[start..<position])
    }
}

extension String {
    fileprivate var quotedForError: String { quoted(limit: 80) }
}
