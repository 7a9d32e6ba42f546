import Synchronization

/// Types by name: the package's own, in their order, followed by those that other packages register.
package final class NameRegistry<Entry: Sendable>: Sendable {
    private struct Item: Sendable {
        let name: String
        let type: ObjectIdentifier
        let entry: Entry
    }

    private let items: Mutex<[Item]>

    /// Creates a registry of the package's own entries; `type` is the identity of an entry's type.
    package init(_ own: [Entry], name: (Entry) -> String, type: (Entry) -> ObjectIdentifier) {
        items = Mutex(own.map { Item(name: name($0), type: type($0), entry: $0) })
    }

    /// Adds an entry. Adding the same type again changes nothing; it traps for another type under the same
    /// name.
    package func register(_ entry: Entry, named name: String, type: ObjectIdentifier) {
        items.withLock { items in
            if let taken = items.first(where: { $0.name == name }) {
                precondition(taken.type == type, "two types are registered under the name \(name)")
                return
            }
            items.append(Item(name: name, type: type, entry: entry))
        }
    }

    /// All entries.
    package var entries: [Entry] { items.withLock { $0.map(\.entry) } }

    /// All names.
    package var names: [String] { items.withLock { $0.map(\.name) } }

    /// The entry of a name, if there is one.
    package subscript(name: String) -> Entry? {
        items.withLock { items in items.first { $0.name == name }?.entry }
    }
}

/// A message about an unknown name, with the nearest known name or all of them.
package func unknownName(_ name: String, called kind: String, among names: [String]) -> String {
    let hint = nearestName(to: name, among: names).map { "did you mean \($0)?" }
    return "\(shortened(name)) is no \(kind); "
        + (hint ?? "there are \(names.sorted().joined(separator: ", "))")
}

/// A text as a message quotes it: no more than its first 80 characters.
package func shortened(_ text: String) -> String {
    text.utf8.count > 80 && text.count > 80 ? text.prefix(80) + "..." : text
}

/// The name with the fewest edits to `name`, if it is close enough: for messages about misspelled names.
package func nearestName(to name: String, among names: [String]) -> String? {
    // The cost of a comparison grows with the product of the lengths, and nobody misspells a name this long.
    guard name.utf8.count <= 200 else { return nil }
    func distance(_ a: [Character], _ b: [Character]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substitution = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
    let scored = names.map { (name: $0, distance: distance(Array(name.lowercased()), Array($0))) }
    // Two edits of a word of three letters are another word.
    let most = name.count < 4 ? min(1, name.count - 1) : max(2, name.count / 3)
    guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= most else {
        return nil
    }
    return best.name
}
