/// A value in a stored document that no document of its kind has, such as a negative number of steps.
public struct DocumentFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where the value is, such as `entries[0].runs[1].curve[3].step`.
    public let place: String
    /// What is wrong with it, as the rest of a sentence that begins with the place.
    public let reason: String

    /// Describes what is wrong with a value.
    public init(_ place: String, _ reason: String) {
        self.place = place
        self.reason = reason
    }

    /// The place and what is wrong there.
    public var description: String { "\(place) \(reason)" }
}

/// Limits of the values in stored documents: what lies within them can be added, drawn and written without overflow.
package enum DocumentLimits {
    /// The largest count of steps, bytes and the like; each of them is exact as a `Double`.
    package static let count = 1 << 53
    /// The longest time, in seconds or milliseconds.
    package static let time = 1e12
    /// The most bytes of a name or a label.
    package static let name = 1 << 14
    /// The most bytes of another text, such as a command line.
    package static let text = 1 << 20
    /// The most entries, runs, layers or tasks.
    package static let items = 10_000

    /// Throws unless a number counts something.
    package static func requireCount(_ value: Int, _ place: @autoclosure () -> String) throws(DocumentFault) {
        guard (0...count).contains(value) else {
            throw DocumentFault(place(), "is \(value), not a number from 0 to \(count)")
        }
    }

    /// Throws unless a number is a duration.
    package static func requireTime(
        _ value: Double, _ place: @autoclosure () -> String
    ) throws(DocumentFault) {
        guard (0...time).contains(value) else {
            throw DocumentFault(place(), "is \(value), not a time from 0 to \(NumberText.short(time))")
        }
    }

    /// Throws unless a text is short enough to be shown.
    package static func requireText(
        _ value: String, limit: Int = text, _ place: @autoclosure () -> String
    ) throws(DocumentFault) {
        guard value.utf8.count <= limit else {
            throw DocumentFault(place(), "has \(value.utf8.count) bytes, more than \(limit)")
        }
    }

    /// Throws for a list of too many elements, and what a function throws for one of them and its place.
    package static func each<Element>(
        _ list: [Element], _ place: String, limit: Int = items,
        _ check: (Element, String) throws(DocumentFault) -> Void
    ) throws(DocumentFault) {
        guard list.count <= limit else {
            throw DocumentFault(place, "has \(list.count) elements, more than \(limit)")
        }
        for (index, element) in list.enumerated() { try check(element, "\(place)[\(index)]") }
    }
}
