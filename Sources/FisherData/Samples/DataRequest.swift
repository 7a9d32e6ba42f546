import FisherMedia

/// Which samples are to be read, and as what.
public struct DataRequest: Sendable {
    /// What targets are to be.
    public enum TargetKind: Sendable {
        /// Classes.
        case classes
        /// Numbers.
        case numbers
        /// Numbers in [0, 1]; of two different texts the later is 1.
        case shares
    }

    /// The file or folder of the inputs, which may hold the targets too; `FILE:NAME` names one of a file's arrays.
    public var inputs: String
    /// The file of the targets; empty where that of the inputs holds them.
    public var targets = ""
    /// The columns of a table that are targets.
    public var targetColumns: [String] = []
    /// The columns of a table that are left out.
    public var dropped: [String] = []
    /// What is done with missing cells of a table.
    public var missing = MissingCells.error
    /// A column of a table that says which rows are held out.
    public var splitColumn = ""
    /// A column of a table whose equal values stay on one side of a division.
    public var groupColumn = ""
    /// What targets are to be; nil for what they look like.
    public var kind: TargetKind?
    /// The bytes up to which data are held in memory.
    public var memory: Int
    /// The size to which image files are scaled; nil if they have one size.
    public var imageSize: ImageSize?
    /// The channels of image files; nil for color.
    public var imageChannels: Int?
    /// Whether the targets may be absent, as where they are to be predicted.
    package var needsNoTargets = false

    /// Asks for the samples of a file or folder.
    public init(inputs: String, memory: Int) { (self.inputs, self.memory) = (inputs, memory) }
}
