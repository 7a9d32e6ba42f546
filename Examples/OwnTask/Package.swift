// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "own-task",
    platforms: [.macOS(.v15)],
    // Elsewhere: .package(url: "<URL of swift-fisher>", from: "0.1.0").
    dependencies: [.package(name: "swift-fisher", path: "../..")],
    targets: [
        .executableTarget(
            name: "own-task",
            dependencies: [
                .product(name: "Fisher", package: "swift-fisher"),
                .product(name: "FisherTraining", package: "swift-fisher"),
                .product(name: "FisherCommand", package: "swift-fisher"),
            ],
            path: "Sources/OwnTask")
    ],
    swiftLanguageModes: [.v6]
)
