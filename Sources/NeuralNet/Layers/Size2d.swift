/// A height and a width; one whole number stands for both.
public struct Size2d: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// How many rows.
    public var height: Int
    /// How many columns.
    public var width: Int

    /// Makes a size of its parts.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// Makes a square.
    public init(_ side: Int) { self.init(side, side) }

    /// The same number in both dimensions.
    public init(integerLiteral value: Int) { self.init(value) }

    /// Height and width as libtorch takes them.
    public var sizes: [Int] { [height, width] }
}
