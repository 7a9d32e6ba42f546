import Torch

/// What is wrong with how a model is made.
public struct ModuleError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong and what to write instead, in one sentence that names the property.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension Module {
    /// Throws `ModuleError` for the first property that holds something to train where reflection does not find it: a
    /// layer or a parameter inside a struct, an enumeration, a set or an object that is no module, beside the children of
    /// a `ModuleContainer`, or a bare tensor that requires gradients. Left as it is, it would be neither trained nor saved.
    ///
    /// ``save(to:metadata:)``, ``load(_:strict:)`` and optimizers ask this themselves. Frozen layers and tensors without
    /// gradients may lie anywhere. Of long arrays of other values the first 4096 elements are looked at. What a closure
    /// captured cannot be seen.
    public func requireFound() throws(ModuleError) {
        var walk = ModuleWalk()
        walk.visit(self, at: .root)
        var search = LostParts(found: walk.seenObjects)
        for (path, module) in walk.modules { search.visitProperties(of: module, at: path, inside: nil) }
        if let complaint = search.complaint { throw ModuleError(complaint) }
    }
}

/// Searches properties for what is to be trained and was not found.
private struct LostParts {
    /// The first complaint.
    var complaint: String?
    private let found: Set<ObjectIdentifier>
    private var visited: Set<ObjectIdentifier> = []
    private static let mostElements = 4096
    private static let mostLevels = 24

    init(found: Set<ObjectIdentifier>) { self.found = found }

    /// Visits the stored properties of a class's or a struct's value, those of its superclasses among them.
    mutating func visitProperties(of value: Any, at path: ParameterPath, inside: String?, level: Int = 0) {
        var mirror: Mirror? = Mirror(reflecting: value)
        while let current = mirror {
            for (position, child) in current.children.enumerated() {
                if complaint != nil { return }
                visit(
                    child.value, at: path.appending(Self.name(child.label, position)), inside: inside,
                    level: level)
            }
            mirror = current.superclassMirror
        }
    }

    /// A property's name; wrappers and lazy properties are stored under names of their own.
    private static func name(_ label: String?, _ position: Int) -> String {
        guard let label else { return "\(position)" }
        let lazy = "$__lazy_storage_$_"
        if label.hasPrefix(lazy) { return String(label.dropFirst(lazy.count)) }
        return label.hasPrefix("_") || label.hasPrefix(".") ? String(label.dropFirst()) : label
    }

    private mutating func visit(_ value: Any, at path: ParameterPath, inside: String?, level: Int) {
        if level > Self.mostLevels { return }
        switch value {
        case let parameter as Parameter:
            if parameter.isTrainable, isLost(parameter) { complain("the parameter", path, inside) }
        case let tensor as Tensor:
            if tensor.failure == nil, tensor.requiresGradient, tensor.isLeaf {
                complaint =
                    "\(path) is a bare Tensor that requires gradients, which no optimizer finds and no file keeps: "
                    + "declare it as @Parameter var \(path.components.last ?? "weight"): Tensor, or give it no gradients"
            }
        case let module as any Module:
            guard isLost(module) else { return }
            if module.parameters.contains(where: \.parameter.isTrainable) {
                complain(
                    "the layer \(type(of: module))", path, inside ?? "a ModuleContainer beside its children")
            } else if visited.insert(ObjectIdentifier(module)).inserted {
                visitProperties(of: module, at: path, inside: inside, level: level + 1)
            }
        case is RandomGenerator, is CaptureSite: return
        default: visitParts(of: value, at: path, inside: inside, level: level)
        }
    }

    private mutating func visitParts(of value: Any, at path: ParameterPath, inside: String?, level: Int) {
        if let list = value as? any ElementsByType, list.areNumbersOrTexts { return }
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional, .tuple:
            for (position, child) in mirror.children.enumerated() {
                let inner =
                    mirror.displayStyle == .optional ? path : path.appending(Self.name(child.label, position))
                visit(child.value, at: inner, inside: inside, level: level + 1)
            }
        case .collection, .set:
            for (position, child) in mirror.children.prefix(Self.mostElements).enumerated() {
                if complaint != nil { return }
                visit(
                    child.value, at: path.appending("\(position)"),
                    inside: inside ?? (mirror.displayStyle == .set ? "a Set" : "a list of mixed types"),
                    level: level + 1)
            }
        case .dictionary:
            for child in mirror.children.prefix(Self.mostElements) {
                if complaint != nil { return }
                let entry = Array(Mirror(reflecting: child.value).children.map(\.value))
                guard entry.count == 2 else { continue }
                visit(
                    entry[1], at: path.appending("\(entry[0])"),
                    inside: inside ?? "a dictionary of mixed types",
                    level: level + 1)
            }
        case .struct:
            visitProperties(
                of: value, at: path, inside: "the struct \(type(of: value))", level: level + 1)
        case .enum:
            visitProperties(
                of: value, at: path, inside: "the enum \(type(of: value))", level: level + 1)
        case .class:
            guard visited.insert(ObjectIdentifier(value as AnyObject)).inserted else { return }
            visitProperties(
                of: value, at: path, inside: "the class \(type(of: value)), which is no Module",
                level: level + 1)
        default: return
        }
    }

    private func isLost(_ object: AnyObject) -> Bool { !found.contains(ObjectIdentifier(object)) }

    private mutating func complain(_ what: String, _ path: ParameterPath, _ inside: String?) {
        complaint =
            "\(path) holds \(what) inside \(inside ?? "a property that is not looked into"), where it is neither trained "
            + "nor saved: hold it in a property of the module itself, or in an array, optional, tuple or dictionary of modules"
    }
}

/// A collection that knows the type of its elements, so that millions of numbers need not be looked at.
private protocol ElementsByType {
    var areNumbersOrTexts: Bool { get }
}

private func isNumberOrText(_ type: Any.Type) -> Bool {
    type is any Numeric.Type || type == Bool.self || type is any StringProtocol.Type || type == Character.self
}

extension Array: ElementsByType {
    fileprivate var areNumbersOrTexts: Bool { isNumberOrText(Element.self) }
}
extension ContiguousArray: ElementsByType {
    fileprivate var areNumbersOrTexts: Bool { isNumberOrText(Element.self) }
}
extension ArraySlice: ElementsByType {
    fileprivate var areNumbersOrTexts: Bool { isNumberOrText(Element.self) }
}
extension Set: ElementsByType {
    fileprivate var areNumbersOrTexts: Bool { isNumberOrText(Element.self) }
}
extension Dictionary: ElementsByType {
    fileprivate var areNumbersOrTexts: Bool { isNumberOrText(Value.self) }
}
extension String: ElementsByType {
    fileprivate var areNumbersOrTexts: Bool { true }
}
