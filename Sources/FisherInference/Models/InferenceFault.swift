/// Why an inference is not to be had.
package struct InferenceFault: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
