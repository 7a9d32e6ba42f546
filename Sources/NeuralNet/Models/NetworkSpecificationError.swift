/// What is wrong with the description of a network.
public struct NetworkSpecificationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The position of the layer, from 0; nothing where the description as a whole is wrong.
    public let position: Int?
    /// What is wrong there, in one sentence.
    public let reason: String

    init(_ position: Int?, _ reason: String) {
        self.position = position
        self.reason = reason
    }

    /// An unknown name, with the nearest that exists.
    init(_ position: Int?, unknown name: String, called kind: String, among names: [String]) {
        let hint = nearestName(to: name, among: names).map { "; did you mean \($0)?" }
        self.init(
            position,
            "\(name) is no \(kind)" + (hint ?? "; there are \(names.sorted().joined(separator: ", "))"))
    }

    /// The position and what is wrong there.
    public var description: String {
        position.map { "layers[\($0)]: \(reason)" } ?? "the network's description: \(reason)"
    }
}
