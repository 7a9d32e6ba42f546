import FisherFiles

/// Why a formula or a table does not make a model.
package struct ModelError: Error, Sendable, CustomStringConvertible {
    package let description: String
    /// Whether the options are wrong; otherwise the data are.
    package let isUsage: Bool

    package init(_ description: String, isUsage: Bool = false) {
        self.description = description
        self.isUsage = isUsage
    }
}

/// A response and the terms that predict it, such as `y ~ age + sex + age:sex`.
///
/// `a:b` is an interaction, `a*b` stands for `a + b + a:b`, `.` for every column that is not used otherwise, `- 1` or
/// `+ 0` leaves the intercept out. A factor is the name of a column (in back quotes where it is no plain name), `C(name)`
/// for a column of numbers that are categories, or an expression in parentheses or with a function, such as `log(dose)`
/// or `I(age^2)`.
package struct Formula: Hashable, Sendable {
    package let response: String
    package let hasIntercept: Bool
    /// The factors of each term, main effects first, each term once.
    package let terms: [[String]]
    /// Whether the columns that nothing else uses are terms.
    package let takesRest: Bool

    package init(_ text: String) throws(ModelError) {
        func fault(_ reason: String) -> ModelError {
            ModelError("the formula \(text.quoted(limit: 120)) \(reason)", isUsage: true)
        }
        let sides = Self.split(text, at: ["~"])
        guard sides.count == 2, !sides[0].text.isEmpty else {
            throw fault("is not of the form \"response ~ term + term\"")
        }
        response = Self.unquoted(sides[0].text)
        var intercept = true
        var rest = false
        var found: [[String]] = []
        for part in Self.split(sides[1].text, at: ["+", "-"]) {
            switch (part.sign, part.text) {
            case (_, ""): throw fault("has an empty term")
            case ("-", "1"), ("+", "0"), (nil, "0"): intercept = false
            case ("+", "1"), (nil, "1"), ("-", "0"): intercept = true
            case ("-", let term):
                let removed = try Self.factors(term, fault)
                guard found.contains(where: { Set($0) == Set(removed) }) else {
                    throw fault("takes away \(term), which is no term before it")
                }
                found.removeAll { Set($0) == Set(removed) }
            case (_, "."): rest = true
            case (_, let term):
                for factors in try Self.expanded(term, fault)
                where !found.contains(where: { Set($0) == Set(factors) }) {
                    found.append(factors)
                }
            }
        }
        hasIntercept = intercept
        takesRest = rest
        // Stable: interactions of one order keep theirs.
        let orders = Set(found.map(\.count)).sorted()
        terms = orders.flatMap { order in found.filter { $0.count == order } }
    }

    private static func factors(
        _ term: String, _ fault: (String) -> ModelError
    ) throws(ModelError) -> [String] {
        var factors: [String] = []
        for factor in split(term, at: [":"]) {
            if factor.text.isEmpty { throw fault("has an empty factor in \(term)") }
            let name = unquoted(factor.text)
            if !factors.contains(name) { factors.append(name) }
        }
        return factors
    }

    /// a*b*c as all products of some of its parts.
    private static func expanded(
        _ term: String, _ fault: (String) -> ModelError
    ) throws(ModelError) -> [[String]] {
        var terms: [[String]] = []
        let parts = split(term, at: ["*"])
        guard parts.count <= 6 else { throw fault("crosses more than six factors in \(term)") }
        for part in parts {
            let factors = try factors(part.text, fault)
            let crossed = terms.map { term in term + factors.filter { !term.contains($0) } }
            terms.append(factors)
            terms += crossed
        }
        return terms
    }

    private static func unquoted(_ text: String) -> String {
        text.count > 2 && text.hasPrefix("`") && text.hasSuffix("`")
            && !text.dropFirst().dropLast().contains("`")
            ? String(text.dropFirst().dropLast()) : text
    }

    /// The trimmed parts between signs that stand outside parentheses, brackets and back quotes.
    private static func split(_ text: String, at signs: Set<Character>) -> [(sign: Character?, text: String)]
    {
        var parts: [(sign: Character?, text: String)] = []
        var (sign, part, depth, isQuoted): (Character?, String, Int, Bool) = (nil, "", 0, false)
        func trimmed(_ text: String) -> String {
            String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
        }
        for character in text {
            if character == "`" { isQuoted.toggle() }
            if !isQuoted {
                if "([".contains(character) { depth += 1 }
                if ")]".contains(character) { depth -= 1 }
            }
            if depth == 0, !isQuoted, signs.contains(character) {
                // A sign before the first term.
                if !parts.isEmpty || sign != nil || !trimmed(part).isEmpty || character == "~"
                    || character == ":" || character == "*"
                {
                    parts.append((sign, trimmed(part)))
                }
                (sign, part) = (character, "")
            } else {
                part.append(character)
            }
        }
        parts.append((sign, trimmed(part)))
        return parts
    }
}
