import Foundation

/// A piece of HTML or SVG; text and attribute values are escaped when it is rendered.
indirect enum Markup: Sendable {
    /// An element with attributes in the order written.
    case element(String, [Attribute], [Markup])
    /// Text, for instance a label that a user chose.
    case text(String)
    /// Something written by us that must not be escaped: a style sheet, a script.
    case verbatim(String)

    /// A name and an unescaped value.
    struct Attribute: Sendable {
        let name: String
        let value: String
    }

    /// An element, its attributes and its children.
    static func tag(
        _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [Markup] = []
    ) -> Markup {
        .element(name, attributes.map { Attribute(name: $0.key, value: $0.value) }, children)
    }

    /// An element that holds only text.
    static func tag(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ text: String)
        -> Markup
    {
        tag(name, attributes, [.text(text)])
    }

    /// The piece as source text.
    var rendered: String {
        var source = ""
        write(to: &source)
        return source
    }

    /// Elements of HTML that have no end tag.
    private static let void: Set<String> = ["meta", "br", "wbr", "img"]

    private func write(to source: inout String) {
        switch self {
        case .text(let text):
            source += Self.escaped(text)
        case .verbatim(let text):
            source += text
        case .element(let name, let attributes, let children):
            source += "<" + name
            for attribute in attributes {
                source += " \(attribute.name)=\"\(Self.escaped(attribute.value))\""
            }
            source += ">"
            if Self.void.contains(name) { return }
            for child in children { child.write(to: &source) }
            source += "</\(name)>"
            if Self.blocks.contains(name) { source += "\n" }
        }
    }

    /// Elements after which a line break makes the source readable.
    private static let blocks: Set<String> = [
        "section", "figure", "svg", "tr", "p", "div", "head", "header", "footer", "dl", "g", "style", "title",
    ]

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                // Other control characters are not allowed in HTML, not even as references.
                let isControl = scalar.properties.generalCategory == .control
                result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }
}
