/// What was inspected, for readers.
public struct InspectionSubject: Hashable, Sendable, Codable {
    /// The name of the file or folder.
    public var title: String
    /// What model and data these are.
    public var description: String
    /// Settings of the inspection: batches, seed, draws.
    public var settings: [Setting]

    /// Describes a subject.
    public init(title: String, description: String, settings: [Setting] = []) {
        self.title = title
        self.description = description
        self.settings = settings
    }
}
