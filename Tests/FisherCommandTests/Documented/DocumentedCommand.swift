import Foundation
import Testing

/// A command that the README or an article shows in a code block.
struct DocumentedCommand: Sendable, CustomTestStringConvertible {
    /// The article, relative to the checkout.
    let article: String
    /// The line of the article, counted from 1.
    let line: Int
    /// The words, without comments.
    let words: [String]

    var testDescription: String { "\(article):\(line): \(words.joined(separator: " "))" }

    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The README and every article, relative to the checkout.
    static let articles: [String] = {
        let root = checkout.path + "/"
        let found = ["Documentation", "Sources", "Benchmarks"].flatMap { folder in
            let all = FileManager.default.enumerator(
                at: checkout.appending(path: folder), includingPropertiesForKeys: nil)
            return (all?.compactMap { ($0 as? URL)?.path } ?? []).filter { $0.hasSuffix(".md") }
        }
        return ["README.md"] + found.map { String($0.dropFirst(root.count)) }.sorted()
    }()

    /// The commands of all articles that begin with one of these words.
    static func all(of programs: Set<String>) throws -> [DocumentedCommand] {
        try articles.flatMap { article in
            let text = try String(contentsOf: checkout.appending(path: article), encoding: .utf8)
            return commands(in: text, of: article).filter { programs.contains($0.words[0]) }
        }
    }

    /// The commands in the code blocks of a text: lines that are indented by four spaces, or stand between fences of no
    /// language or of a shell. A line that ends in a backslash goes on in the next.
    static func commands(in text: String, of article: String) -> [DocumentedCommand] {
        var found: [DocumentedCommand] = []
        var isFenced = false
        var isShell = false
        var joined = ""
        var first = 0
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("```") {
                isFenced.toggle()
                isShell = isFenced && ["", "sh", "bash", "console"].contains(line.dropFirst(3))
                continue
            }
            guard isShell || (!isFenced && line.hasPrefix("    ")) || !joined.isEmpty else { continue }
            if joined.isEmpty { first = index + 1 }
            joined += line.trimmingCharacters(in: .whitespaces)
            if joined.hasSuffix("\\") {
                joined.removeLast()
                continue
            }
            let words = words(of: joined)
            joined = ""
            guard !words.isEmpty else { continue }
            found.append(DocumentedCommand(article: article, line: first, words: words))
        }
        return found
    }

    /// The words of a line of the shell: quotes are removed, and so is a comment.
    static func words(of line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "\"" || character == "'" {
                (quote, word) = (character, word ?? "")
            } else if character.isWhitespace {
                if let whole = word { words.append(whole) }
                word = nil
            } else if character == "#", word == nil {
                break
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let whole = word { words.append(whole) }
        return words.first == "$" ? Array(words.dropFirst()) : words
    }
}
