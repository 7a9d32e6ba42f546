/// A sound file with the text that is spoken in it.
package struct Recording: Hashable, Sendable {
    /// The sound file.
    package var path: String
    /// What is spoken.
    package var text: String
    /// Where the text stands: `84-121123.trans.txt, line 3`.
    package var place: String
    /// Who speaks; nil where that is not known.
    package var speaker: String?
    /// What the recording is a part of, such as a chapter of a book; nil where that is not known.
    package var chapter: String?
}
